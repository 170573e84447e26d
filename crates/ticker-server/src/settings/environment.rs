//! Reading settings from variables and files, gathering everything that is wrong.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::{self, Display};
use std::path::Path;

use super::table::{Fallback, SETTINGS, Setting};

/// A value read from a file is at most this long.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The variables of the process whose names begin with `TICKER_`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// Those of this process.
    pub(crate) fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect()
    }
}

impl FromIterator<(String, OsString)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, OsString)>>(variables: I) -> Self {
        let ours = |(name, _): &(String, OsString)| name.starts_with("TICKER_");
        Self(variables.into_iter().filter(ours).collect())
    }
}

/// Settings that cannot be used, and why: at least one.
#[derive(Debug)]
pub(crate) struct Problems(Vec<String>);

impl std::error::Error for Problems {}

/// A line each.
impl Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

/// Reads one setting after the other and remembers what is wrong with each.
pub(crate) struct Reader<'e> {
    environment: &'e Environment,
    problems: Vec<String>,
}

impl<'e> Reader<'e> {
    /// Begins with what is wrong whatever is read: variables that nothing reads.
    pub(crate) fn new(environment: &'e Environment) -> Self {
        let unknown = environment.0.keys().filter(|name| !is_known(name));
        Self {
            environment,
            problems: unknown.map(|name| describe_unknown(name)).collect(),
        }
    }

    /// The value of a setting, or of its default; `None` when that is wrong, or when it is neither set
    /// nor has a default.
    ///
    /// What `parse` returns as its error is said behind the variable's name. It may begin with the part
    /// that is wrong, in quotes; otherwise the whole value is added.
    pub(crate) fn read<T, E: Display>(
        &mut self,
        setting: &Setting,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let (name, text) = match self.text(setting) {
            Ok(Some(found)) => found,
            Ok(None) => return None,
            Err(problem) => {
                self.problems.push(problem);
                return None;
            }
        };
        match parse(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                let mut problem = format!("{name}: {error}");
                // What holds an @ may hold a password before it.
                if !setting.is_secret() && !text.contains('@') && !problem.contains(": \"") {
                    problem = format!("{problem}, not {text:?}");
                }
                self.problems.push(problem);
                None
            }
        }
    }

    /// Adds what is wrong with how several settings fit together.
    pub(crate) fn refuse(&mut self, setting: &Setting, problem: impl Display) {
        self.problems.push(format!("{}: {problem}", setting.name));
    }

    /// The settings if nothing was wrong.
    ///
    /// # Errors
    /// [`Problems`] with everything that was.
    pub(crate) fn finish<T>(self, settings: Option<T>) -> Result<T, Problems> {
        match settings {
            Some(settings) if self.problems.is_empty() => Ok(settings),
            _ => Err(Problems(self.problems)),
        }
    }

    /// The variable that was set and its value; the name and value of the default; `None` for nothing.
    fn text(&self, setting: &Setting) -> Result<Option<(String, String)>, String> {
        let (name, file_name) = (setting.name, setting.file_name());
        let direct = self.environment.0.get(name);
        let file = self.environment.0.get(&file_name);
        match (direct, file) {
            (Some(_), _) if setting.is_secret() => Err(format!(
                "{name}: is a secret, and those are read from files only: set {file_name} instead"
            )),
            (Some(_), Some(_)) => Err(format!(
                "{name}: is set, and so is {file_name}: set only one"
            )),
            (Some(value), None) => {
                let value = value
                    .to_str()
                    .ok_or_else(|| format!("{name}: is not UTF-8"))?
                    .trim();
                if value.is_empty() {
                    return Err(format!(
                        "{name}: is empty: give it a value or do not set it"
                    ));
                }
                Ok(Some((name.to_owned(), value.to_owned())))
            }
            (None, Some(path)) => read_file(Path::new(path))
                .map(|value| Some((file_name.clone(), value)))
                .map_err(|problem| format!("{file_name}: the file {} {problem}", path.display())),
            (None, None) => match setting.fallback {
                Fallback::Default(value) => Ok(Some((name.to_owned(), value.to_owned()))),
                Fallback::Nothing => Ok(None),
                Fallback::Required => Err(format!("{name}: is not set: {}", setting.meaning)),
                Fallback::RequiredFile => {
                    Err(format!("{file_name}: is not set: {}", setting.meaning))
                }
            },
        }
    }
}

/// The trimmed text of a file, which is one line.
fn read_file(path: &Path) -> Result<String, String> {
    use std::io::Read as _;

    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let file = std::fs::File::open(path).map_err(cannot)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("is longer than {FILE_BYTES_MAX} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    match text.trim() {
        "" => Err("is empty".to_owned()),
        line if line.chars().any(char::is_control) => Err("holds more than one line".to_owned()),
        line => Ok(line.to_owned()),
    }
}

fn is_known(name: &str) -> bool {
    SETTINGS.iter().any(|setting| {
        setting.name == name
            || name
                .strip_suffix("_FILE")
                .is_some_and(|base| setting.name == base)
    })
}

fn describe_unknown(name: &str) -> String {
    let known = SETTINGS
        .iter()
        .flat_map(|setting| [setting.name.to_owned(), setting.file_name()]);
    let closest = known
        .min_by_key(|known| edit_distance(name, known))
        .unwrap_or_default();
    format!("{name}: is no setting of Ticker: is {closest} meant? `ticker --help` lists all")
}

/// How many characters to insert, delete or replace to make `b` of `a` (Levenshtein).
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_name_is_offered() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        for (typed, meant) in [
            ("TICKER_LISTN", " TICKER_LISTEN "),
            (
                "TICKER_DATABASE_PASSWORD_FIEL",
                " TICKER_DATABASE_PASSWORD_FILE ",
            ),
            ("TICKER_ORIGINS", " TICKER_ORIGIN "),
        ] {
            assert!(
                describe_unknown(typed).contains(meant),
                "{}",
                describe_unknown(typed)
            );
        }
    }

    #[test]
    fn other_variables_are_nobodys_business() {
        let environment = Environment::from_iter([("PATH".to_owned(), "/bin".into())]);
        assert!(Reader::new(&environment).finish(Some(())).is_ok());
    }
}
