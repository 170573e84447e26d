//! Version numbers as programs print them.

use std::fmt;

/// A dotted version number; compares part by part, so `15.9 < 15.14` and `15 < 15.0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(Vec<u32>);

impl Version {
    /// The first version number in what `--version` prints: a word that begins with a digit, or
    /// stands after an opening bracket. What follows the digits and dots (`beta1`, `-1.pgdg`) is left out.
    pub(crate) fn find(text: &str) -> Option<Self> {
        text.split_whitespace()
            .map(|word| word.trim_start_matches(['(', 'v']))
            .find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
            .and_then(Self::leading)
    }

    /// The first part: PostgreSQL's and Chromium's notion of a release.
    pub(crate) fn major(&self) -> u32 {
        self.0[0]
    }

    fn leading(word: &str) -> Option<Self> {
        let end = word
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(word.len());
        let parts: Option<Vec<u32>> = word[..end]
            .split('.')
            .filter(|part| !part.is_empty())
            .map(|part| part.parse().ok())
            .collect();
        parts.filter(|parts| !parts.is_empty()).map(Self)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            write!(f, "{part}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    fn found(text: &str) -> String {
        Version::find(text).map_or_else(|| "none".to_owned(), |version| version.to_string())
    }

    #[test]
    fn versions_are_found_in_what_programs_print() {
        assert_eq!(
            found("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"),
            "15.14"
        );
        assert_eq!(found("postgres (PostgreSQL) 18beta2"), "18");
        assert_eq!(found("initdb (PostgreSQL) 17.5 (Homebrew)"), "17.5");
        assert_eq!(
            found("cargo-nextest 0.9.143 (60fa45f63 2026-08-04)"),
            "0.9.143"
        );
        assert_eq!(
            found("Chromium 140.0.7339.185 built on Debian"),
            "140.0.7339.185"
        );
        assert_eq!(
            found("ShellCheck - shell script analysis tool\nversion: 0.9.0"),
            "0.9.0"
        );
        assert_eq!(found("14+238"), "14");
        assert_eq!(found("bash: postgres: not found"), "none");
        assert_eq!(found("99999999999999999999.1"), "none");
    }

    #[test]
    fn parts_compare_as_numbers() {
        let version = |text| Version::find(text).expect("a version");
        assert!(version("15.9") < version("15.14"));
        assert!(version("9.6.24") < version("15.0"));
        assert!(version("0.9.143") >= version("0.9.143"));
        assert_eq!(version("17.5").major(), 17);
    }
}
