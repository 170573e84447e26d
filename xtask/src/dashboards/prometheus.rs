//! Asking Prometheus.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use crate::percent::encoded;

const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// A Prometheus that is reached over plain HTTP.
pub(crate) struct Prometheus {
    /// Host and port.
    address: String,
    /// What its paths begin with.
    prefix: String,
}

/// What a query found: a series for each combination of labels.
pub(crate) struct Series {
    pub(crate) labels: Vec<(String, String)>,
    /// Times in seconds since 1970, and values; NaN is one.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Series {
    /// What the label says; nothing without it.
    pub(crate) fn label(&self, name: &str) -> &str {
        let found = self.labels.iter().find(|(label, _)| label == name);
        found.map_or("", |(_, value)| value)
    }
}

impl Prometheus {
    /// The one at `http://HOST:PORT[/PREFIX]`.
    ///
    /// # Errors
    /// When that is not what the address looks like.
    pub(crate) fn at(url: &str) -> Result<Self> {
        let rest = url
            .strip_prefix("http://")
            .with_context(|| format!("{url} does not begin with http://"))?;
        let (address, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_end_matches('/');
        Ok(Self {
            address: if address.contains(':') {
                address.to_owned()
            } else {
                format!("{address}:80")
            },
            prefix: if prefix.is_empty() {
                String::new()
            } else {
                format!("/{prefix}")
            },
        })
    }

    /// What a query finds now.
    ///
    /// # Errors
    /// When it does not work, with what Prometheus says.
    pub(crate) fn query(&self, expr: &str) -> Result<Vec<Series>> {
        self.ask("query", &[("query", expr)])
    }

    /// What a query found in the last minutes, as many points as `points`.
    ///
    /// # Errors
    /// When it does not work, with what Prometheus says.
    pub(crate) fn query_range(&self, expr: &str, minutes: u32, points: u32) -> Result<Vec<Series>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let step = (60 * minutes / points).max(1);
        let parameters = [
            ("query", expr),
            ("start", &(now - u64::from(60 * minutes)).to_string()),
            ("end", &now.to_string()),
            ("step", &step.to_string()),
        ];
        self.ask("query_range", &parameters)
    }

    fn ask(&self, what: &str, parameters: &[(&str, &str)]) -> Result<Vec<Series>> {
        let mut path = format!("{}/api/v1/{what}", self.prefix);
        for (index, (name, value)) in parameters.iter().enumerate() {
            let mark = if index == 0 { '?' } else { '&' };
            write!(path, "{mark}{name}={}", encoded(value))?;
        }
        let context = || format!("Prometheus at {} does not answer", self.address);
        let body = self.get(&path).with_context(context)?;
        let answer: Value = serde_json::from_str(&body).with_context(context)?;
        if answer["status"] != "success" {
            bail!("{}", answer["error"].as_str().unwrap_or("it failed"));
        }
        let found = answer["data"]["result"].as_array();
        let found = found.context("a query that is not about series")?;
        found.iter().map(series).collect()
    }

    /// HTTP/1.0: an answer is over when the connection is.
    fn get(&self, path: &str) -> Result<String> {
        let mut addresses = self.address.to_socket_addrs()?;
        let address = addresses.next().context("its name has no address")?;
        let mut stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        let host = &self.address;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, body) = answer
            .split_once("\r\n\r\n")
            .ok_or_else(|| anyhow!("that is no HTTP: {answer:.80}"))?;
        Ok(body.to_owned())
    }
}

fn series(value: &Value) -> Result<Series> {
    let context = || format!("not a series: {value}");
    let labels = value["metric"].as_object().with_context(context)?;
    let labels = labels
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
    let point = |point: &Value| {
        let value: f64 = point[1].as_str()?.parse().ok()?;
        Some((point[0].as_f64()?, value))
    };
    let points: Option<Vec<_>> = match value["values"].as_array() {
        Some(points) => points.iter().map(point).collect(),
        None => point(&value["value"]).map(|point| vec![point]),
    };
    Ok(Series {
        labels: labels.collect(),
        points: points.with_context(context)?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_are_understood() {
        let parts = |url| Prometheus::at(url).map(|at| (at.address, at.prefix)).ok();
        let expected = |address: &str, prefix: &str| Some((address.to_owned(), prefix.to_owned()));
        assert_eq!(
            parts("http://127.0.0.1:9090"),
            expected("127.0.0.1:9090", "")
        );
        assert_eq!(
            parts("http://host/prometheus/"),
            expected("host:80", "/prometheus")
        );
        assert_eq!(parts("https://host"), None);
    }

    #[test]
    fn answers_of_both_kinds_are_read() {
        let now =
            series(&json!({ "metric": { "job": "a" }, "value": [1.5, "NaN"] })).expect("one point");
        assert_eq!(now.label("job"), "a");
        assert!(now.points[0].1.is_nan());
        let range = series(&json!({ "metric": {}, "values": [[1, "2"], [2, "+Inf"]] }))
            .expect("two points");
        assert_eq!(range.points, [(1.0, 2.0), (2.0, f64::INFINITY)]);
        assert!(series(&json!({ "metric": {}, "value": [1, "x"] })).is_err());
    }
}
