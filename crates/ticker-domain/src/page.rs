//! Keyset pages: a part of a sorted list, and what is needed to ask for the part beside it.

/// How many rows a page can hold, in the order in which they are offered.
pub const PAGE_SIZES: [u16; 4] = [25, 50, 100, 200];
/// How many rows a page holds unless asked otherwise.
pub const PAGE_SIZE_DEFAULT: u16 = 50;

/// Rows of a sorted list, with whether there are more on either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, in the list's order.
    pub rows: Vec<T>,
    /// Whether rows stand before the first one.
    pub has_before: bool,
    /// Whether rows stand after the last one.
    pub has_after: bool,
}

impl<T> Page<T> {
    /// Builds a page from up to `size + 1` rows, read from `edge` in reading direction: the extra row
    /// only tells that there is more.
    #[must_use]
    pub fn from_read<C>(mut rows: Vec<T>, size: u16, edge: &Edge<C>) -> Self {
        let more = rows.len() > usize::from(size);
        rows.truncate(usize::from(size));
        match edge {
            Edge::First => Self {
                rows,
                has_before: false,
                has_after: more,
            },
            Edge::After(_) => Self {
                rows,
                has_before: true,
                has_after: more,
            },
            Edge::Before(_) => {
                rows.reverse();
                Self {
                    rows,
                    has_before: more,
                    has_after: true,
                }
            }
        }
    }
}

/// Where in a sorted list a page begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Edge<C> {
    /// At the list's first row.
    #[default]
    First,
    /// Just after the row with this cursor.
    After(C),
    /// Just before the row with this cursor.
    Before(C),
}

/// The direction of a sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extra_row_tells_that_there_is_more() {
        let first = Page::from_read(vec![1, 2, 3], 2, &Edge::<i64>::First);
        assert_eq!(
            first,
            Page {
                rows: vec![1, 2],
                has_before: false,
                has_after: true
            }
        );
        let last = Page::from_read(vec![3], 2, &Edge::After(2));
        assert_eq!(
            last,
            Page {
                rows: vec![3],
                has_before: true,
                has_after: false
            }
        );
        let back = Page::from_read(vec![2, 1], 2, &Edge::Before(3));
        assert_eq!(
            back,
            Page {
                rows: vec![1, 2],
                has_before: false,
                has_after: true
            }
        );
    }
}
