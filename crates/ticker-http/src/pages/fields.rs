//! Forms as they are shown again: what was typed and what is wrong with it.

use std::fmt::Display;

use secrecy::SecretString;
use serde::{Deserialize as _, Deserializer};

use crate::error::HttpError;

/// Reads a field that nothing may write out again.
///
/// # Errors
/// The deserializer's, when the field is no text.
pub(crate) fn secret<'de, D: Deserializer<'de>>(form: D) -> Result<SecretString, D::Error> {
    String::deserialize(form).map(SecretString::from)
}

/// One field of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Field {
    /// What was typed, unchanged.
    pub(crate) value: String,
    /// What is wrong with it.
    pub(crate) error: Option<String>,
}

impl Field {
    /// A field in order.
    pub(crate) fn new(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            error: None,
        }
    }
}

/// One entry of an offered list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// What is sent.
    pub(crate) value: String,
    /// What is read.
    pub(crate) label: String,
}

impl Choice {
    /// An entry.
    pub(crate) fn new(value: impl Display, label: impl Into<String>) -> Self {
        Self {
            value: value.to_string(),
            label: label.into(),
        }
    }
}

/// One line of the summary on top of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The id of the field it leads to; empty when it is about the whole form.
    pub(crate) field: &'static str,
    /// A whole sentence.
    pub(crate) message: String,
}

/// Gathers what is wrong with a form while its fields are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    /// Says that a field is wrong: `error` completes a sentence that begins with `label`. The field's
    /// own message and the summary's line are the same.
    pub(crate) fn refuse(
        &mut self,
        field: &mut Field,
        id: &'static str,
        label: &str,
        error: impl Display,
    ) {
        let message = format!("{label} {error}");
        field.error = Some(message.clone());
        self.0.push(Problem { field: id, message });
    }

    /// Says that something is wrong with the form as a whole, in a whole sentence.
    pub(crate) fn add(&mut self, message: impl Into<String>) {
        self.0.push(Problem {
            field: "",
            message: message.into(),
        });
    }

    /// Keeps the value that a field was parsed to, or says why it is wrong.
    pub(crate) fn keep<T, E: Display>(
        &mut self,
        field: &mut Field,
        id: &'static str,
        label: &str,
        parsed: Result<T, E>,
    ) -> Option<T> {
        parsed
            .map_err(|error| self.refuse(field, id, label, error))
            .ok()
    }

    /// Everything that is wrong, as programs are told it.
    pub(crate) fn for_programs(&self) -> HttpError {
        let messages: Vec<_> = self
            .0
            .iter()
            .map(|problem| problem.message.trim_end_matches('.'))
            .collect();
        HttpError::Unprocessable(format!("{}.", messages.join("; ")))
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many things are wrong.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The problems, in the order in which they were found.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }
}
