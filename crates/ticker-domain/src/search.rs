//! What somebody looks for: words, each of which an item's text must hold, and what they may have meant.

use crate::text;

/// The fewest letters of a word that a slip of the keyboard is looked for in: of shorter ones, nearly every
/// other word is one slip away.
pub const GUESSED_LETTERS_MIN: usize = 4;
/// The fewest letters of a word that is kept, with how many items have it and where these stand: as the function
/// `search_words_of` of the migrations has it.
pub const KEPT_LETTERS_MIN: usize = 3;

/// A word of a search, folded as items' texts are ([`text::fold_for_search`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term(String);

/// Where a word has to stand in an item's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Anywhere.
    Anywhere,
    /// Where a word begins. One or two characters stand in nearly every text: those who type them look for
    /// `M4` or `AA`, or have not finished.
    WordStart,
}

/// The words of a search, in their order. Those without a letter or a digit are left out: nothing finds them,
/// and in `nuts & bolts` nobody misses them.
#[must_use]
pub fn terms(search: &str) -> Vec<Term> {
    let mut terms: Vec<Term> = Vec::new();
    for word in text::fold_for_search(search).split(' ') {
        let term = Term(word.to_owned());
        if word.contains(char::is_alphanumeric) && !terms.contains(&term) {
            terms.push(term);
        }
    }
    terms
}

impl Term {
    /// The word, folded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where it has to stand: anywhere if an index of three characters in a row can find it there.
    #[must_use]
    pub fn place(&self) -> Place {
        // How such an index takes a text apart (PostgreSQL's documentation, F.35.1 pg_trgm): each run of
        // letters and digits with two spaces before and one behind. What stands before the first and behind
        // the last run is not known here.
        let mut runs = self.0.split(|c: char| !c.is_alphanumeric()).peekable();
        let mut is_first = true;
        while let Some(run) = runs.next() {
            let known_before = if is_first { 0 } else { 2 };
            let known_behind = usize::from(runs.peek().is_some());
            if !run.is_empty() && known_before + run.chars().count() + known_behind >= 3 {
                return Place::Anywhere;
            }
            is_first = false;
        }
        Place::WordStart
    }

    /// Its letters in a row that may be misspelt: each long enough, digits are taken at their word.
    #[must_use]
    pub fn guessable(&self) -> Vec<&str> {
        letter_runs(&self.0, GUESSED_LETTERS_MIN)
    }

    /// Its letters in a row of which words are kept: whatever holds the term has a word that holds each of them.
    #[must_use]
    pub fn kept_parts(&self) -> Vec<&str> {
        letter_runs(&self.0, KEPT_LETTERS_MIN)
    }

    /// The word with `run`, one of its [`Term::guessable`], spelt otherwise.
    #[must_use]
    pub fn respelt(&self, run: &str, as_word: &str) -> Self {
        Self(self.0.replacen(run, as_word, 1))
    }
}

/// The runs of so many letters at least in a folded text.
fn letter_runs(folded: &str, letters_min: usize) -> Vec<&str> {
    folded
        .split(|c: char| !c.is_alphabetic())
        .filter(|run| run.chars().count() >= letters_min)
        .collect()
}

/// What every word that is one slip away from `typed` has: its beginning or its end, or it is `typed` with the
/// two letters in the middle exchanged. Looking for these three finds all of them without reading every word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlipTraits {
    /// The first half of what was typed.
    pub beginning: String,
    /// The other half.
    pub end: String,
    /// What was typed, with the letters on both sides of the middle exchanged.
    pub exchanged: String,
}

impl SlipTraits {
    /// Of what was typed.
    #[must_use]
    pub fn of(typed: &str) -> Self {
        let letters: Vec<char> = typed.chars().collect();
        let middle = letters.len() / 2;
        let mut exchanged = letters.clone();
        if middle > 0 {
            exchanged.swap(middle - 1, middle);
        }
        Self {
            beginning: letters[..middle].iter().collect(),
            end: letters[middle..].iter().collect(),
            exchanged: exchanged.iter().collect(),
        }
    }
}

/// Whether one slip of the keyboard makes one word of the other: a letter too much, missing or wrong, or two
/// neighbours exchanged.
#[must_use]
pub fn is_one_slip_away(typed: &str, word: &str) -> bool {
    let (typed, word): (Vec<char>, Vec<char>) = (typed.chars().collect(), word.chars().collect());
    let same_before = typed.iter().zip(&word).take_while(|(a, b)| a == b).count();
    let (typed, word) = (&typed[same_before..], &word[same_before..]);
    match (typed, word) {
        ([], []) => false,
        ([a, b, typed @ ..], [c, d, word @ ..]) if (a, b) == (d, c) && typed == word => true,
        _ => {
            let [less_typed, less_word] =
                [typed, word].map(|rest| rest.get(1..).unwrap_or_default());
            less_typed == less_word && !(typed.is_empty() || word.is_empty())
                || (!typed.is_empty() && less_typed == word)
                || (!word.is_empty() && typed == less_word)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(search: &str) -> Vec<String> {
        terms(search).into_iter().map(|term| term.0).collect()
    }

    #[test]
    fn a_search_is_its_words_folded_each_once() {
        assert_eq!(words("  Crème   BRÛLÉE crème"), ["creme", "brulee"]);
        assert_eq!(words("M4 × 16"), ["m4", "x", "16"]);
        assert_eq!(words("nuts & bolts --"), ["nuts", "bolts"]);
        assert_eq!(words(" \u{a0} "), [""; 0]);
    }

    #[test]
    fn words_without_three_characters_in_a_row_begin_words() {
        for (word, place) in [
            ("bolt", Place::Anywhere),
            ("100%", Place::Anywhere),
            ("日本語", Place::Anywhere),
            ("g_1", Place::Anywhere),
            (r"k\s", Place::Anywhere),
            ("aa-", Place::Anywhere),
            ("-a", Place::Anywhere),
            ("m4", Place::WordStart),
            ("a-", Place::WordStart),
            ("a", Place::WordStart),
        ] {
            assert_eq!(terms(word)[0].place(), place, "{word:?}");
        }
    }

    #[test]
    fn numbers_and_short_words_are_not_guessed_at() {
        let guessable = |word: &str| -> Vec<String> {
            let term = Term(word.to_owned());
            term.guessable().into_iter().map(str::to_owned).collect()
        };
        assert_eq!(guessable("bolt-1600/washer"), ["bolt", "washer"]);
        assert_eq!(guessable("m4"), [""; 0]);
        assert_eq!(guessable("4006381333931"), [""; 0]);
        assert_eq!(guessable("nut"), [""; 0]);
        let term = Term("bolt-batteires".into());
        assert_eq!(
            term.respelt("batteires", "batteries").as_str(),
            "bolt-batteries"
        );
    }

    #[test]
    fn words_are_kept_from_three_letters_on() {
        for (word, parts) in [
            ("nut", &["nut"][..]),
            ("bolt-1600/ab", &["bolt"]),
            ("10-pack/led", &["pack", "led"]),
            ("m4", &[]),
            ("400638", &[]),
        ] {
            assert_eq!(terms(word)[0].kept_parts(), parts, "{word:?}");
        }
    }

    #[test]
    fn a_slip_is_one_letter_or_an_exchange() {
        for (typed, word) in [
            ("batteires", "batteries"),
            ("baterries", "batterries"),
            ("battery", "batter"),
            ("atter", "batter"),
            ("betteries", "batteries"),
            ("botl", "bolt"),
            ("oblt", "bolt"),
            ("über", "uber"),
        ] {
            assert!(is_one_slip_away(typed, word), "{typed} {word}");
            assert!(is_one_slip_away(word, typed), "{word} {typed}");
        }
        for (typed, word) in [
            ("bolt", "bolt"),
            ("bolt", "bo"),
            ("bolt", "tlob"),
            ("batter", "bitten"),
            ("abcd", "badc"),
            ("abcd", "bcda"),
            ("", "ab"),
        ] {
            assert!(!is_one_slip_away(typed, word), "{typed} {word}");
            assert!(!is_one_slip_away(word, typed), "{word} {typed}");
        }
    }

    /// Every word that one slip makes of another, of the letters a to c.
    fn slips(word: &str) -> Vec<String> {
        let letters: Vec<char> = word.chars().collect();
        let mut slips = Vec::new();
        for place in 0..=letters.len() {
            let mut made = |change: &dyn Fn(&mut Vec<char>)| {
                let mut other = letters.clone();
                change(&mut other);
                slips.push(other.into_iter().collect());
            };
            for letter in ['a', 'b', 'c'] {
                made(&|word| word.insert(place, letter));
                if place < letters.len() {
                    made(&|word| word[place] = letter);
                }
            }
            if place < letters.len() {
                made(&|word| _ = word.remove(place));
            }
            if place + 1 < letters.len() {
                made(&|word| word.swap(place, place + 1));
            }
        }
        slips.retain(|slip: &String| slip != word);
        slips
    }

    proptest! {
        #[test]
        fn every_slip_is_told_and_has_a_trait(word in "[a-c]{4,7}", other in "[a-c]{3,8}") {
            let slips = slips(&word);
            prop_assert_eq!(is_one_slip_away(&word, &other), slips.contains(&other));
            let traits = SlipTraits::of(&word);
            for slip in slips {
                prop_assert!(is_one_slip_away(&word, &slip));
                prop_assert!(
                    slip.starts_with(&traits.beginning) || slip.ends_with(&traits.end)
                        || slip == traits.exchanged,
                    "{} {}", word, slip
                );
            }
        }
    }
}
