//! Changes of a text, for people and for `patch`.

use similar::TextDiff;

/// A unified diff of one file, as `patch -p0` takes it; empty where nothing changed.
pub fn unified(name: &str, before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    let diff = TextDiff::from_lines(before, after);
    diff.unified_diff().context_radius(3).header(name, name).to_string()
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn a_diff_names_the_file_and_shows_three_lines_around() {
        let before = "a\nb\nc\nd\ne\nf\ng\nh";
        let diff = unified("x.yaml", before, &before.replace('e', "E"));
        assert_eq!(
            diff,
            "--- x.yaml\n+++ x.yaml\n@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n\\ No newline at end of file\n"
        );
        assert_eq!(unified("x.yaml", before, before), "");
    }
}
