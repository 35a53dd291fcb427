//! `cargo xtask setup`: the Z3 library, for building and for running, without touching the system.
//!
//! Everything lands in `target/z3`; `.cargo/config.toml` makes the linker look there first.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{self, root};

/// The release of the PyPI project `z3-solver` that is brought in: the one whose sources the static build
/// compiles, so that both builds hold the same solver.
const RELEASE: &str = "5.3.3.0";

/// The oldest library that the Rust bindings work with.
const OLDEST: [u32; 3] = [4, 13, 3];

/// Operating system, processor and SHA-256 of the wheel for it.
const WHEELS: &[(&str, &str, &str)] = &[
    ("linux", "x86_64", "0431023a82278dab706c02a320f63178ee0755fb8f10a5c980f0bfe3c84f6f96"),
    ("linux", "aarch64", "701619d4995695819e150e9fa10218b67a5a2241868f31dddccfe2d3fe15f986"),
    ("macos", "x86_64", "d7d337366240fd6b02ca1a68d545350c43834999b7683b24958ff4a7a9b8b112"),
    ("macos", "aarch64", "814ddeb607535c211e11e1af60c9c69fe8f957b304003a562d9bfc3ceefa295c"),
];

/// Fetches the wheel with this hash where Python comes without pip: arguments are the index, the hash and
/// the folder for the file.
const FETCH: &str = r##"
import hashlib, pathlib, re, sys, urllib.parse, urllib.request
index, wanted, folder = sys.argv[1:]
page = urllib.request.urlopen(index, timeout=60).read().decode()
found = re.search(rf'href="([^"#]+)#sha256={wanted}"', page)
if not found:
    sys.exit(f"`{index}` lists no file with the pinned SHA-256")
url = urllib.parse.urljoin(index, found[1])
content = urllib.request.urlopen(url, timeout=600).read()
if hashlib.sha256(content).hexdigest() != wanted:
    sys.exit(f"`{url}` does not have the pinned SHA-256")
pathlib.Path(folder, url.rsplit("/", 1)[1]).write_bytes(content)
"##;

/// What to do where nothing here works.
const OTHERWISE: &str = "other ways: install libz3 4.13.3 or later with its pkg-config file and run this again; \
     build Z3 from source with `cargo build --features z3-static` (needs cmake 3.26, g++ 13 or clang 17 and some ten minutes); \
     or build without the open-world proofs with `cargo build --no-default-features`";

/// Provides Z3 and says where it comes from.
///
/// # Errors
/// When there is no usable library and none can be brought in.
pub(crate) fn setup(_arguments: &[String]) -> Result<(), String> {
    let source = provide()?;
    println!("Z3 is ready: {source}");
    Ok(())
}

/// Provides Z3 in `target/z3/lib`, unless it is there or `Z3_LIBRARY_PATH_OVERRIDE` points elsewhere, and
/// returns where it comes from.
///
/// # Errors
/// As [`setup`].
pub(crate) fn provide() -> Result<String, String> {
    if let Some(path) = std::env::var_os("Z3_LIBRARY_PATH_OVERRIDE")
        && Path::new(&path) != library()
    {
        return Ok(format!("`{}`, from Z3_LIBRARY_PATH_OVERRIDE", path.to_string_lossy()));
    }
    let stamp = folder().join("source");
    if let Ok(source) = fs::read_to_string(&stamp)
        && library().join(file_name()).exists()
        && (!source.starts_with("z3-solver") || source.contains(RELEASE))
    {
        return Ok(source);
    }
    remove(&folder())?;
    let source = match system() {
        Some((version, directory)) => {
            link(&directory)?;
            format!("{version} of this system, `{}`", directory.display())
        }
        None => wheel().map_err(|message| format!("{message}\n{OTHERWISE}"))?,
    };
    if cfg!(target_os = "linux") {
        standard_library()?;
    }
    fs::write(&stamp, &source).map_err(|error| failed("write", &stamp, &error))?;
    Ok(source)
}

fn folder() -> PathBuf {
    root().join("target").join("z3")
}

fn library() -> PathBuf {
    folder().join("lib")
}

const fn file_name() -> &'static str {
    if cfg!(target_os = "macos") { "libz3.dylib" } else { "libz3.so" }
}

/// The version and folder of a library of the system that is new enough, as pkg-config knows it.
fn system() -> Option<(String, PathBuf)> {
    let ask = |question: &str| {
        let output = Command::new("pkg-config").args([question, "z3"]).output().ok()?;
        let answer = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (output.status.success() && !answer.is_empty()).then_some(answer)
    };
    let version = ask("--modversion")?;
    let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).take(3).collect();
    let directory = PathBuf::from(ask("--variable=libdir")?);
    (numbers.as_slice() >= OLDEST.as_slice() && directory.join(file_name()).exists())
        .then_some((version, directory))
}

/// Makes the system's library, and nothing else of its folder, visible in ours.
fn link(directory: &Path) -> Result<(), String> {
    create(&library())?;
    symlink(&directory.join(file_name()), &library().join(file_name()))
}

fn symlink(from: &Path, to: &Path) -> Result<(), String> {
    #[cfg(unix)]
    let linked = std::os::unix::fs::symlink(from, to);
    #[cfg(not(unix))]
    let linked = fs::copy(from, to).map(drop);
    linked.map_err(|error| failed("link", to, &error))
}

/// The bindings link the C++ standard library by its development name, which comes with a C++ compiler.
/// Where there is none, the library that Z3 itself loads serves as well.
fn standard_library() -> Result<(), String> {
    let known = |name: &str| {
        let output = Command::new("cc").arg(format!("-print-file-name={name}")).output().ok()?;
        // A compiler that knows no such file answers with the bare name.
        let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
        path.is_absolute().then_some(path)
    };
    if known("libstdc++.so").is_some() || known("libstdc++.a").is_some() {
        return Ok(());
    }
    let multiarch = format!("{}-linux-gnu", std::env::consts::ARCH);
    let usual = ["/usr/lib", "/lib", "/usr/lib64"].map(Path::new);
    let usual = usual.into_iter().flat_map(|folder| [folder.join(&multiarch), folder.to_path_buf()]);
    let loaded = known("libstdc++.so.6")
        .or_else(|| usual.map(|folder| folder.join("libstdc++.so.6")).find(|path| path.exists()))
        .ok_or("Z3 needs the C++ standard library: install g++, or at least libstdc++")?;
    symlink(&loaded, &library().join("libstdc++.so"))
}

/// Downloads the wheel, checks its hash and unpacks the library.
fn wheel() -> Result<String, String> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let Some((_, _, hash)) = WHEELS.iter().find(|(for_os, for_arch, _)| (*for_os, *for_arch) == (os, arch))
    else {
        return Err(format!("z3-solver {RELEASE} has no library to link with for {os} on {arch}"));
    };
    let download = folder().join("download");
    create(&download)?;
    println!("downloading z3-solver {RELEASE} from PyPI (some 30 MB)");
    fetch(hash, &download)?;
    let wheel = fs::read_dir(&download)
        .map_err(|error| failed("read", &download, &error))?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or("the download left no wheel behind")?;
    command::run(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&download))?;
    // The wheel's folder holds the library under the name to link with and under the name to load.
    let unpacked = download.join("z3").join("lib");
    fs::rename(&unpacked, library()).map_err(|error| failed("move", &unpacked, &error))?;
    remove(&download)?;
    Ok(format!("z3-solver {RELEASE} from PyPI"))
}

/// Downloads the wheel with this hash; both ways check it.
fn fetch(hash: &str, into: &Path) -> Result<(), String> {
    let has_pip = Command::new("python3").args(["-m", "pip", "--version"]).output();
    let has_pip = has_pip.map_err(|error| format!("`python3` cannot be started: {error}"))?.status.success();
    let mut python = Command::new("python3");
    if has_pip {
        let pinned = into.join("requirements.txt");
        fs::write(&pinned, format!("z3-solver=={RELEASE} --hash=sha256:{hash}\n"))
            .map_err(|error| failed("write", &pinned, &error))?;
        python.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
        python.args(["--only-binary=:all:", "--require-hashes", "--requirement"]).arg(pinned);
        python.arg("--dest").arg(into);
    } else {
        python.args(["-c", FETCH, "https://pypi.org/simple/z3-solver/", hash]).arg(into);
    }
    command::run(&mut python)
}

fn create(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|error| failed("create", path, &error))
}

fn remove(path: &Path) -> Result<(), String> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed("remove", path, &error)),
        _ => Ok(()),
    }
}

fn failed(verb: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {verb} `{}`: {error}", path.display())
}
