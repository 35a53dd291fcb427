//! `npv check --watch`, the plugin of kubectl, and the manual pages.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use npv_tests::npv::{binary, npv, root};

const PATIENCE: Duration = Duration::from_secs(60);

/// A process that ends with the test.
struct Watch {
    child: Child,
    lines: Receiver<String>,
    /// Lines that nobody has waited for yet: which of the two outputs comes first is anybody's guess.
    seen: Vec<String>,
}

impl Watch {
    fn start(directory: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(binary())
            .current_dir(directory)
            .args(["check", "--watch"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let outputs: [Box<dyn BufRead + Send>; 2] = [
            Box::new(BufReader::new(child.stdout.take().unwrap())),
            Box::new(BufReader::new(child.stderr.take().unwrap())),
        ];
        for output in outputs {
            let sender = sender.clone();
            thread::spawn(move || {
                output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
            });
        }
        Self { child, lines, seen: Vec::new() }
    }

    /// Waits for a line with a text in it, for as long as a busy machine may need.
    fn expect(&mut self, text: &str) {
        loop {
            if let Some(index) = self.seen.iter().position(|line| line.contains(text)) {
                self.seen.remove(index);
                return;
            }
            let line = self.lines.recv_timeout(PATIENCE);
            assert!(line.is_ok(), "no `{text}` in\n{}", self.seen.join("\n"));
            self.seen.extend(line);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Ended already is as good.
        drop((self.child.kill(), self.child.wait()));
    }
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n\
                   spec: {containers: [{name: web, image: web}]}\n";
const POLICY: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny, namespace: shop}\n\
                      spec: {podSelector: {}, policyTypes: [Ingress, Egress]}\n";

#[test]
fn every_change_is_answered() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    fs::write(path.join("pod.yaml"), POD).unwrap();
    // What npv writes itself is no change.
    let mut watch = Watch::start(path, &["--format", "text", "--format", "json=out.json", "."]);
    watch.expect("1 file: 1 namespace, 1 workload, 0 policies");
    watch.expect("watching 1 file; Ctrl-C ends this");
    assert!(watch.lines.recv_timeout(Duration::from_secs(2)).is_err(), "an answer without a change");
    fs::write(path.join("policy.yaml"), POLICY).unwrap();
    watch.expect("2 files: 1 namespace, 1 workload, 1 policy");
    // Nothing to read is no reason to end; the next change mends it.
    fs::write(path.join("npv.yaml"), "namespaec: shop\n").unwrap();
    watch.expect("the configuration `npv.yaml` has an error");
    fs::write(path.join("npv.yaml"), "exclude: [policy.yaml]\n").unwrap();
    watch.expect("1 file: 1 namespace, 1 workload, 0 policies");
    fs::remove_file(path.join("pod.yaml")).unwrap();
    watch.expect("no manifests in `.`");
    fs::write(path.join("pod.yaml"), POD).unwrap();
    watch.expect("1 file: 1 namespace, 1 workload, 0 policies");
    assert!(watch.child.try_wait().unwrap().is_none(), "it has ended");
    if cfg!(unix) {
        // Not the signal of Ctrl-C: a shell's background jobs ignore that one, and so do their children.
        let ended = Command::new("kill").args(["-TERM", &watch.child.id().to_string()]).status().unwrap();
        assert!(ended.success());
        // Ended by the signal, not by a status of its own.
        assert_eq!(watch.child.wait().unwrap().code(), None);
    }
}

#[test]
fn what_cannot_be_watched_is_wrong_usage() {
    let fixtures = root().join("tests/fixtures");
    for (arguments, says) in [
        (&["check", "--watch", "-"][..], "cannot follow standard input"),
        (&["check", "--watch", "nowhere"], "`nowhere`"),
        (&["check", "--watch", "--fix", "shop"], "cannot be used with"),
        (&["check", "--watch", "--format", "csv", "shop"], "has no format `csv`"),
    ] {
        let run = npv(&fixtures, arguments);
        assert_eq!(run.status, 2, "{arguments:?}\n{run}");
        assert!(run.stderr.contains(says), "{arguments:?}\n{run}");
    }
}

#[cfg(unix)]
#[test]
fn kubectl_finds_a_plugin() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = directory.path().join("kubectl-npv");
    std::os::unix::fs::symlink(binary(), &plugin).unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new(&plugin).current_dir(root()).args(arguments).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (status, help, _) = run(&["--help"]);
    assert_eq!(status, Some(0));
    assert!(help.contains("Usage: kubectl npv [OPTIONS] <COMMAND>"), "{help}");
    assert!(help.contains("\n  kubectl npv check deploy/ ") && !help.contains("\n  npv "), "{help}");
    assert!(help.contains("| kubectl npv check -"), "{help}");
    let (_, help, _) = run(&["check", "--help"]);
    assert!(help.contains("Usage: kubectl npv check [OPTIONS]"), "{help}");
    assert!(help.contains("\n  kubectl npv check deploy/"), "{help}");
    let (status, _, wrong) = run(&["trace"]);
    assert_eq!(status, Some(2));
    assert!(wrong.contains("Usage: kubectl npv trace"), "{wrong}");
    let (_, version, _) = run(&["--version"]);
    assert_eq!(version, npv(&root(), ["--version"]).stdout.replace("npv", "kubectl npv"));
    let (status, answer, _) = run(&["check", "tests/fixtures/shop"]);
    assert_eq!((status, answer), (Some(1), npv(&root(), ["check", "tests/fixtures/shop"]).stdout));
    // kubectl itself, where there is one.
    let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap());
    if let Ok(kubectl) = Command::new("kubectl").env("PATH", path).args(["npv", "rule", "no-policy"]).output()
    {
        assert_eq!(String::from_utf8_lossy(&kubectl.stdout), npv(&root(), ["rule", "no-policy"]).stdout);
    }
}

#[test]
fn every_verb_has_a_manual_page() {
    let directory = tempfile::tempdir().unwrap();
    let run = npv(directory.path(), ["man", "share/man1"]);
    assert_eq!((run.status, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""), "{run}");
    let help = npv(directory.path(), ["--help"]).stdout;
    let verbs = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let verbs: Vec<&str> =
        verbs.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next()).collect();
    assert!(verbs.len() >= 5, "{help}");
    for verb in verbs {
        // A long description goes on in the next line.
        if verb == "help" || !help.contains(&format!("\n  {verb} ")) {
            continue;
        }
        let page = fs::read_to_string(directory.path().join(format!("share/man1/npv-{verb}.1"))).unwrap();
        for section in [".TH", ".SH NAME", ".SH SYNOPSIS", ".SH OPTIONS"] {
            assert!(page.contains(section), "{verb} has no {section}\n{page}");
        }
    }
    let page = directory.path().join("share/man1/npv.1");
    let rendered =
        Command::new("man").args(["--local-file", "--warnings"]).arg(&page).env("MANWIDTH", "80").output();
    if let Ok(rendered) = rendered {
        let text = String::from_utf8_lossy(&rendered.stdout);
        assert!(text.contains("Exit status") || text.trim().is_empty(), "{text}");
        assert_eq!(String::from_utf8_lossy(&rendered.stderr), "");
    }
}
