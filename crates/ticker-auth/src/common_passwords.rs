//! The passwords that guessers try first.

use std::collections::HashSet;
use std::sync::LazyLock;

/// One password a line, case folded; `vendor/common-passwords` says where the list comes from.
static LIST: &str = include_str!("../vendor/common-passwords/passwords.txt");

static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| LIST.lines().collect());

/// Whether a case-folded password is among the common ones.
#[must_use]
pub fn is_common(folded: &str) -> bool {
    COMMON.contains(folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_long_enough_and_knows_the_usual_ones() {
        assert!(COMMON.len() >= 3_000, "{}", COMMON.len());
        assert!(is_common("password123"));
        assert!(!is_common("correct horse battery staple of ours"));
    }
}
