//! Waiting for what others do.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::interrupt::{self, Interrupted};

/// Looks again and again until there is something, at most for `limit`. `what` completes the sentence "…
/// within 60 s" when there is nothing: "node1's engine does not answer".
///
/// # Errors
/// When the time is over, when looking fails, or after Ctrl-C.
pub(crate) fn until<T>(
    limit: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if interrupt::requested() {
            return Err(Interrupted.into());
        }
        if Instant::now() > deadline {
            bail!("{what} within {} s", limit.as_secs());
        }
        thread::sleep(Duration::from_millis(200));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_is_found_and_what_does_not_is_named() {
        let mut looks = 0;
        let found = until(Duration::from_mins(1), "nothing comes", || {
            looks += 1;
            Ok((looks == 2).then_some(looks))
        });
        assert_eq!(found.expect("found"), 2);
        let error = until(Duration::ZERO, "nothing comes", || Ok(None::<()>));
        let error = error.expect_err("nothing").to_string();
        assert_eq!(error, "nothing comes within 0 s");
        assert!(until(Duration::ZERO, "", || bail!("blind") as Result<Option<()>>).is_err());
    }
}
