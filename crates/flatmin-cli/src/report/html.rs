//! Text that is safe inside HTML and SVG.

/// Escapes what markup would read as its own, in text and in attribute values.
///
/// Control characters other than white space are dropped: XML has no way to write them.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\u{fffe}' | '\u{ffff}' => {}
            other if other.is_control() => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reads_as_markup() {
        assert_eq!(
            escape("<a href='x' b=\"y\"> & \u{0}\u{1b}é"),
            "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt; &amp; é"
        );
    }
}
