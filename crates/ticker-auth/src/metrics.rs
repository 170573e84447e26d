//! What this crate counts.

use metrics::{Unit, counter, describe_counter};

const SIGN_INS_TOTAL: &str = "ticker_sign_ins_total";
const SESSION_LOOK_UPS_TOTAL: &str = "ticker_session_look_ups_total";

/// How a sign-in ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignInOutcome {
    /// Username and password fit.
    Accepted,
    /// They did not.
    Refused,
    /// Too many others were signing in.
    Busy,
    /// It could not be checked.
    Failed,
}

impl SignInOutcome {
    const ALL: [Self; 4] = [Self::Accepted, Self::Refused, Self::Busy, Self::Failed];

    fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Busy => "busy",
            Self::Failed => "failed",
        }
    }
}

/// Describes the metrics of this crate and sets them to zero, so that they are there from the start.
pub fn preset() {
    describe_counter!(SIGN_INS_TOTAL, Unit::Count, "Sign-ins, by how they ended");
    for outcome in SignInOutcome::ALL {
        counter!(SIGN_INS_TOTAL, "outcome" => outcome.as_str()).absolute(0);
    }
    describe_counter!(
        SESSION_LOOK_UPS_TOTAL,
        Unit::Count,
        "Look-ups of sessions, by whether the process remembered the answer"
    );
    for remembered in ["yes", "no"] {
        counter!(SESSION_LOOK_UPS_TOTAL, "remembered" => remembered).absolute(0);
    }
}

pub(crate) fn count_session_look_up(remembered: bool) {
    let remembered = if remembered { "yes" } else { "no" };
    counter!(SESSION_LOOK_UPS_TOTAL, "remembered" => remembered).increment(1);
}

pub(crate) fn count_sign_in(outcome: SignInOutcome) {
    counter!(SIGN_INS_TOTAL, "outcome" => outcome.as_str()).increment(1);
}
