//! How far rows can be trusted: what their statuses say.

/// "12 of 14 trials are certified", and how many more there were with too few data to have a flat problem.
pub(super) fn certified<'a>(what: &str, statuses: impl Iterator<Item = &'a str>) -> String {
    let (mut all, mut certified, mut refused) = (0, 0, 0);
    for status in statuses {
        all += 1;
        certified += usize::from(status == "certified");
        refused += usize::from(is_refused(status));
    }
    let solved = all - refused;
    let share = 100.0 * certified as f64 / solved.max(1) as f64;
    let left = if refused == 0 {
        String::new()
    } else {
        format!(
            " {refused} more had too few data for a flat problem (a singular D1 or D2, or nothing observed)."
        )
    };
    format!("{certified} of {solved} {what} ({share:.2} %) are certified.{left}")
}

/// Whether a trial had too few data to have a flat problem.
pub(super) fn is_refused(status: &str) -> bool {
    matches!(status, "singular" | "empty")
}
