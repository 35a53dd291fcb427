//! Writes a text in place of the one that was read.

use std::fs;
use std::io::Write;
use std::path::Path;

use npv_models::source::{decode, encode_like};

/// Replaces the text of a file, all at once: whoever reads it sees the old text or the new one. A symbolic
/// link stays, and what it leads to is written; the file keeps its permissions and its encoding.
///
/// # Errors
/// Says why the file was left as it is: it is no longer what was read, it may not be written, or the
/// directory takes no new file.
pub fn write(path: &Path, read: &str, text: &str) -> Result<(), String> {
    let reason = |error: std::io::Error| error.to_string();
    let target = path.canonicalize().map_err(reason)?;
    let metadata = fs::metadata(&target).map_err(reason)?;
    if !metadata.is_file() {
        return Err("it is no ordinary file".to_owned());
    }
    if metadata.permissions().readonly() {
        return Err("it is write-protected".to_owned());
    }
    let bytes = fs::read(&target).map_err(reason)?;
    let now = decode(bytes.clone());
    if now.invalid.is_some() {
        return Err(format!("it is not valid {}", now.encoding));
    }
    if now.text != read {
        return Err("it has changed since it was read".to_owned());
    }
    let directory = target.parent().ok_or("it is in no directory")?;
    let mut file = tempfile::Builder::new().prefix(".npv-").tempfile_in(directory).map_err(reason)?;
    file.write_all(&encode_like(text, &bytes)).map_err(reason)?;
    file.as_file().set_permissions(metadata.permissions()).map_err(reason)?;
    file.as_file().sync_all().map_err(reason)?;
    file.persist(&target).map_err(|error| reason(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_only_as_it_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        fs::write(&path, "a: 1\n").unwrap();
        write(&path, "a: 1\n", "a: 2\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a: 2\n");
        assert!(write(&path, "a: 1\n", "a: 3\n").unwrap_err().contains("has changed"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "a: 2\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn encodings_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.yaml");
        let wide = |text: &str| {
            let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            [&[0xFF, 0xFE], &*units].concat()
        };
        fs::write(&path, wide("a: ü\r\n")).unwrap();
        write(&path, "a: ü\r\n", "a: 2\r\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), wide("a: 2\r\n"));
        fs::write(&path, b"a: \xFF\n").unwrap();
        assert_eq!(write(&path, "a: \u{fffd}\n", "a: 2\n").unwrap_err(), "it is not valid UTF-8");
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_stay() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("a.yaml"), folder.path().join("b.yaml"));
        fs::write(&path, "a: 1\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write(&link, "a: 1\n", "a: 2\n").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "a: 2\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
        assert!(write(&path, "a: 2\n", "a: 3\n").unwrap_err().contains("write-protected"));
    }
}
