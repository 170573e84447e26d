//! Values as people read them.

/// A value in a unit of Grafana's, such as `percentunit`; the number alone for a unit that is none of ours.
pub(super) fn shown(value: f64, unit: &str) -> String {
    match unit {
        "percentunit" => format!("{} %", digits(100.0 * value)),
        "s" => duration(value),
        "bytes" => scaled(value, 1_024.0, &["B", "KiB", "MiB", "GiB", "TiB"]),
        "Bps" => scaled(value, 1_024.0, &["B/s", "KiB/s", "MiB/s", "GiB/s"]),
        "reqps" => scaled(value, 1_000.0, &["req/s", "k req/s", "M req/s"]),
        "ops" => scaled(value, 1_000.0, &["/s", "k/s", "M/s"]),
        _ => scaled(value, 1_000.0, &["", "k", "M", "G"]),
    }
}

fn duration(seconds: f64) -> String {
    let steps = [
        (86_400.0 * 2.0, 86_400.0, "d"),
        (7_200.0, 3_600.0, "h"),
        (120.0, 60.0, "min"),
        (1.0, 1.0, "s"),
        (0.001, 0.001, "ms"),
        (0.0, 0.000_001, "µs"),
    ];
    let (_, size, name) = steps
        .into_iter()
        .find(|(from, ..)| seconds.abs() >= *from && seconds != 0.0)
        .unwrap_or((0.0, 1.0, "s"));
    format!("{} {name}", digits(seconds / size))
}

fn scaled(value: f64, base: f64, names: &[&str]) -> String {
    let mut value = value;
    let mut names = names.iter().copied();
    let mut name = names.next().unwrap_or_default();
    for larger in names {
        if value.is_nan() || value.abs() < base {
            break;
        }
        (value, name) = (value / base, larger);
    }
    format!("{} {name}", digits(value)).trim_end().to_owned()
}

/// About three digits, and no more than are needed.
fn digits(value: f64) -> String {
    let places = match value.abs() {
        large if large >= 100.0 => 0,
        medium if medium >= 10.0 => 1,
        small if small >= 0.01 => 2,
        _ => 4,
    };
    let text = format!("{value:.places$}");
    if !text.contains('.') {
        return text;
    }
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn values_are_short_and_have_their_unit() {
        for (value, unit, wanted) in [
            (0.999, "percentunit", "99.9 %"),
            (0.0, "percentunit", "0 %"),
            (0.0042, "s", "4.2 ms"),
            (0.0, "s", "0 s"),
            (90.0, "s", "90 s"),
            (7_776_000.0, "s", "90 d"),
            (48.0 * 1_048_576.0, "bytes", "48 MiB"),
            (1_500.0, "reqps", "1.5 k req/s"),
            (4_096.0, "short", "4.1 k"),
            (2.0, "short", "2"),
            (-0.000_01, "short", "0"),
            (f64::NAN, "short", "NaN"),
        ] {
            assert_eq!(shown(value, unit), wanted, "{value} {unit}");
        }
    }
}
