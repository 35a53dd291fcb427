//! Arguments, exit statuses and streams.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use npv_tests::npv::{Run, binary, npv, npv_with, root};

fn fixtures() -> PathBuf {
    root().join("tests/fixtures")
}

fn run(arguments: &[&str]) -> Run {
    npv(&fixtures(), arguments)
}

/// Wrong usage says what is wrong, ends with the next step, and prints no answer.
fn assert_usage(arguments: &[&str], says: &str) {
    let run = run(arguments);
    assert_eq!(run.status, 2, "{arguments:?}\n{run}");
    assert!(run.stdout.is_empty(), "{arguments:?}\n{run}");
    assert!(run.stderr.contains(says), "{arguments:?}: no `{says}`\n{run}");
    let last = run.stderr.lines().rfind(|line| !line.is_empty()).unwrap_or_default();
    let next = last.starts_with("  help: ") || last.contains("--help") || last.contains("; ");
    assert!(next, "{arguments:?} ends without a next step\n{run}");
}

#[test]
fn exit_statuses_are_those_of_the_contract() {
    for (arguments, status) in [
        (&["reach", "shop"][..], 0),
        (&["check", "shop", "--fail-on", "never"], 0),
        (&["check", "shop"], 1),
        (&["check", "invalid"], 1),
        (&["check", "invalid", "--allow-incomplete"], 1),
        (&["reach", "invalid"], 1),
        (&["trace", "shop/one", "10.0.0.1", "invalid"], 0),
        (&["check", "broken"], 3),
        (&["reach", "broken"], 3),
        (&["trace", "shop/good", "shop/also-good", "broken"], 3),
        (&["reach", "broken", "--allow-incomplete"], 0),
        (&["trace", "shop/good", "shop/also-good", "broken", "--allow-incomplete"], 0),
        // Denied is an answer too.
        (&["trace", "shop/web", "data/db:5432", "shop"], 0),
        (&["--help"], 0),
        (&["reach", "--help"], 0),
        (&["--version"], 0),
        (&["rule"], 0),
        (&["completions", "bash"], 0),
    ] {
        let run = run(arguments);
        assert_eq!(run.status, status, "{arguments:?}\n{run}");
    }
}

#[test]
fn the_format_does_not_change_the_exit_status() {
    for format in ["text", "json"] {
        for (directory, status) in [("shop", 1), ("broken", 3)] {
            let run = run(&["check", "--format", format, directory]);
            assert_eq!(run.status, status, "{format} {directory}");
        }
    }
    for format in ["text", "json", "csv", "markdown", "dot", "mermaid"] {
        let run = run(&["reach", "--format", format, "broken"]);
        assert_eq!(run.status, 3, "{format}");
    }
}

#[test]
fn wrong_usage_ends_with_the_next_step() {
    assert_usage(&["frobnicate"], "frobnicate");
    assert_usage(&["check", "--frobnicate"], "--frobnicate");
    assert_usage(&["check", "nowhere"], "`nowhere`");
    assert_usage(&["check", "--format", "xml", "shop"], "there is no format `xml`");
    assert_usage(&["check", "--format", "csv", "shop"], "`npv check` has no format `csv`");
    assert_usage(&["check", "--format", "json=", "shop"], "the file's name is missing");
    assert_usage(&["check", "--format", "json", "--format", "text", "shop"], "standard output");
    assert_usage(&["check", "--format", "json=no/such/directory/x", "shop"], "cannot write");
    assert_usage(&["check", "--fail-on", "sometimes", "shop"], "sometimes");
    assert_usage(&["check", "--values", "v.yaml", "shop"], "--render");
    assert_usage(&["reach", "--port", "http", "shop"], "`http` is no port");
    assert_usage(&["reach", "--port", "80/icmp", "shop"], "`icmp` is no protocol");
    assert_usage(&["reach", "--from", "shop/wbe", "shop"], "did you mean `shop/web`?");
    assert_usage(&["reach", "--transitive", "shop"], "--from");
    assert_usage(
        &["reach", "--transitive", "--from", "shop/web", "--format", "csv", "shop"],
        "has no format `csv`",
    );
    assert_usage(&["trace", "shop/web"], "DST");
    assert_usage(&["trace", "shop/web", "shop/api:0", "shop"], "`0` is no port");
    assert_usage(&["trace", "shop/web", "shop/api:grpc", "shop"], "declare no port called `grpc`");
    assert_usage(&["trace", "shop/wbe", "shop/api", "shop"], "did you mean `shop/web`?");
    assert_usage(&["trace", "web", "shop/api", "shop"], "`data/CronJob/web`, `shop/Deployment/web`");
    assert_usage(&["trace", "shop/web", "svc/shop/nothing:80", "shop"], "no Service `shop/nothing`");
    assert_usage(&["trace", "api-service", "shop/web", "shop"], "svc/shop/api-service:PORT");
    assert_usage(&["trace", "shop/web", "10.0.0.300:80", "shop"], "no valid address");
    assert_usage(&["trace", "shop/web", "data/db:80", "--through", "shop"], "leave the port out: `data/db`");
    assert_usage(&["rule", "dns-egress-bloked"], "did you mean `dns-egress-blocked`?");
    assert_usage(&["--quiet", "--verbose", "check", "shop"], "cannot be used with");
}

#[test]
fn names_are_data_in_errors_too() {
    let run = run(&["trace", "=cmd()\n%{evil}", "shop\u{202e}\u{1b}[31m/web", "hostile"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.stderr.contains("`=cmd()\\n%{evil}`"), "{run}");
    let acts = |character: char| character != '\n' && (character.is_control() || character == '\u{202e}');
    assert!(!run.stderr.contains(acts), "{:?}", run.stderr);
}

#[test]
fn nothing_to_read_is_wrong_usage() {
    let empty = tempfile::tempdir().unwrap();
    let run = npv(empty.path(), ["check"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.stderr.contains("no manifests in `.`"), "{run}");
}

#[test]
fn without_a_terminal_there_is_neither_colour_nor_progress() {
    for arguments in [
        &["check", "shop"][..],
        &["check", "broken"],
        &["reach", "shop"],
        &["reach", "broken"],
        &["trace", "shop/web", "data/db:5432", "shop"],
        &["trace", "shop/web", "data/db", "--through", "shop"],
        &["rule", "no-policy"],
        &["--help"],
        &["reach", "nowhere"],
    ] {
        let run = run(arguments);
        assert!(!run.stdout.contains('\u{1b}'), "{arguments:?}\n{run}");
        assert!(!run.stderr.contains('\u{1b}'), "{arguments:?}\n{run}");
        assert!(!run.stderr.contains('\r'), "{arguments:?}\n{run}");
    }
}

#[test]
fn colour_is_as_asked() {
    let coloured = |arguments: &[&str], environment: &[(&str, &str)]| {
        npv_with(&fixtures(), arguments, environment, None).stdout.contains('\u{1b}')
    };
    for verb in [&["check", "shop"][..], &["reach", "shop"], &["trace", "shop/web", "data/db:5432", "shop"]] {
        let with = |when| [verb, &["--color", when]].concat();
        assert!(coloured(&with("always"), &[]), "{verb:?}");
        assert!(!coloured(&with("never"), &[("CLICOLOR_FORCE", "1")]), "{verb:?}");
        assert!(coloured(&with("auto"), &[("CLICOLOR_FORCE", "1")]), "{verb:?}");
        assert!(!coloured(&with("auto"), &[("NO_COLOR", "1")]), "{verb:?}");
    }
    // What goes to a file or to a program is never coloured.
    assert!(!coloured(&["reach", "shop", "--format", "json", "--color", "always"], &[]));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("reach.txt");
    let format = format!("text={}", file.display());
    run(&["reach", "shop", "--color", "always", "--format", &format]);
    let written = fs::read_to_string(file).unwrap();
    assert!(written.contains("shop") && !written.contains('\u{1b}'), "{written}");
}

#[test]
fn formats_go_where_they_are_sent() {
    let directory = tempfile::tempdir().unwrap();
    let json = directory.path().join("findings.json");
    let to_json = format!("json={}", json.display());
    let both = run(&["check", "--format", &to_json, "--format", "text", "shop"]);
    assert_eq!(both.status, 1);
    assert_eq!(both.stdout, run(&["check", "shop"]).stdout);
    assert_eq!(fs::read_to_string(&json).unwrap(), run(&["check", "--format", "json", "shop"]).stdout);
    let only = run(&["check", "--format", &to_json, "shop"]);
    assert!(only.stdout.is_empty(), "{only}");
}

#[test]
fn standard_input_is_read() {
    let text = fs::read(fixtures().join("shop/workloads.yaml")).unwrap();
    let run = npv_with(&fixtures(), ["reach", "--to", "data/db", "-"], &[], Some(&text));
    assert_eq!(run.status, 0, "{run}");
    assert!(run.stdout.contains("db[StatefulSet]"), "{run}");
}

#[test]
fn a_closed_pipe_is_no_error() {
    for arguments in [&["reach", "shop", "--format", "json"][..], &["check", "shop"], &["rule"]] {
        let expected = run(arguments).status;
        let mut child = Command::new(binary())
            .current_dir(fixtures())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The reader goes before npv has written anything.
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    }
}

#[test]
fn the_output_does_not_depend_on_threads_or_on_the_order_of_files() {
    let files = ["shop/workloads.yaml", "shop/policies.yaml"];
    let reach = |arguments: &[&str], threads: &str| {
        npv_with(&fixtures(), arguments, &[("RAYON_NUM_THREADS", threads)], None).stdout
    };
    let [workloads, policies] = files;
    let one = reach(&["reach", "--format", "json", workloads, policies], "1");
    assert_eq!(one, reach(&["reach", "--format", "json", workloads, policies], "7"));
    assert_eq!(one, reach(&["reach", "--format", "json", policies, workloads], "2"));
}

#[test]
fn quiet_and_verbose() {
    let loud = run(&["reach", "broken", "--allow-incomplete"]);
    assert!(loud.stderr.contains("unreadable-document"), "{loud}");
    let quiet = run(&["reach", "broken", "--allow-incomplete", "--quiet"]);
    assert_eq!((quiet.stderr.as_str(), &quiet.stdout), ("", &loud.stdout));
    let verbose = run(&["-v", "reach", "shop"]);
    assert!(verbose.stderr.contains("networking.k8s.io/v1/NetworkPolicy"), "{verbose}");
    assert_eq!(verbose.stdout, run(&["reach", "shop"]).stdout);
}
