//! The written word stays true: what README.md shows is what npv prints, and every link leads somewhere.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use npv_tests::answers::scenarios;
use npv_tests::npv::{npv, root};

/// Set by `cargo xtask docs`: write what follows from the code in place of comparing it.
const UPDATE: &str = "NPV_UPDATE_DOCS";

/// Compares a document with what it must be, or writes it.
fn publish(path: &Path, wanted: &str) {
    if std::env::var_os(UPDATE).is_some() {
        fs::write(path, wanted).unwrap();
        return;
    }
    let published = fs::read_to_string(path).unwrap();
    let differs = published.lines().zip(wanted.lines()).find(|(is, should)| is != should);
    assert!(
        published == wanted,
        "{} is out of date (run `cargo xtask docs`, and read what changed), first at:\n{differs:#?}",
        path.display()
    );
}

#[test]
fn the_readme_shows_what_npv_prints() {
    let verbs = check_blocks(&root().join("README.md"));
    let shown: Vec<&str> = verbs.iter().map(String::as_str).collect();
    assert_eq!(shown, ["check", "diff", "prove", "reach", "rule", "trace"], "one real output of each verb");
}

#[test]
fn the_page_on_services_shows_what_npv_prints() {
    let verbs = check_blocks(&root().join("docs/ci.md"));
    assert!(verbs.contains("check"), "{verbs:?}");
}

/// Runs the commands of a page and compares what they print. Returns the verbs that it shows.
fn check_blocks(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap();
    let mut wanted = String::new();
    let mut verbs = BTreeSet::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        writeln!(wanted, "{line}").unwrap();
        if line != "```console" {
            continue;
        }
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        assert!(block.first().is_some_and(|line| line.starts_with("$ ")), "no command opens {block:?}");
        let mut status = 0;
        for command in block.iter().filter_map(|line| line.strip_prefix("$ ")) {
            let output = printed(command, &mut status, &mut verbs);
            assert!(!output.contains("```"), "`{command}` prints what ends the block");
            writeln!(wanted, "$ {command}\n{output}").unwrap();
            wanted.truncate(wanted.trim_end().len());
            wanted.push('\n');
        }
        wanted.push_str("```\n");
    }
    publish(path, &wanted);
    verbs
}

/// The words of a command; what is in single quotes is one.
fn words(command: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for (index, part) in command.split('\'').enumerate() {
        if index % 2 == 1 { words.push(part) } else { words.extend(part.split_whitespace()) }
    }
    words
}

/// What a command prints in the checkout. `status` is what `echo $?` prints after it.
fn printed(command: &str, status: &mut i32, verbs: &mut BTreeSet<String>) -> String {
    let words = words(command);
    match words.as_slice() {
        ["echo", "$?"] => status.to_string(),
        // These build and test the whole project: that the task is there must do.
        ["cargo", "xtask", task] => {
            let tasks = fs::read_to_string(root().join("xtask/src/main.rs")).unwrap();
            assert!(tasks.contains(&format!("\"{task}\"")), "there is no task `{task}`");
            String::new()
        }
        ["cargo", "install", "--path", path] => {
            let manifest = fs::read_to_string(root().join(path).join("Cargo.toml")).unwrap();
            assert!(manifest.contains("[[bin]]\nname = \"npv\""), "`{command}` does not install npv");
            String::new()
        }
        ["npv", arguments @ .., "|", "head", "-n", count] => {
            let (all, _) = run(arguments, verbs);
            // A pipe's status is that of its last command.
            *status = 0;
            all.lines().take(count.parse().unwrap()).collect::<Vec<_>>().join("\n")
        }
        ["npv", arguments @ ..] => {
            let (all, ended) = run(arguments, verbs);
            *status = ended;
            all
        }
        _ => panic!("the test of README.md cannot run `{command}`"),
    }
}

fn run(arguments: &[&str], verbs: &mut BTreeSet<String>) -> (String, i32) {
    assert!(!arguments.contains(&"|"), "the test of README.md knows no pipe but to `head -n`");
    verbs.extend(arguments.first().map(|verb| (*verb).to_owned()));
    let run = npv(&root(), arguments);
    // A terminal shows both.
    (run.stdout + &run.stderr, run.status)
}

/// Where the generated part of corpus/README.md begins.
const SCENARIOS: &str =
    "<!-- What follows is written by `cargo xtask docs` from the scenarios' answers.yaml. -->\n";

#[test]
fn the_corpus_lists_every_scenario() {
    let corpus = root().join("corpus");
    let path = corpus.join("README.md");
    let text = fs::read_to_string(&path).unwrap();
    let (written, _) = text.split_once(SCENARIOS).unwrap();
    let mut wanted = format!("{written}{SCENARIOS}\n| scenario | what it shows |\n|---|---|\n");
    for scenario in scenarios(&corpus).unwrap() {
        let name = &scenario.name;
        let shown = opening(&scenario.about);
        assert!(shown.len() > 20, "`{name}` says too little about itself: `{shown}`");
        writeln!(wanted, "| [{name}]({name}/answers.yaml) | {shown} |").unwrap();
    }
    publish(&path, &wanted);
}

/// The first sentences of a text, as many as say something.
fn opening(about: &str) -> String {
    let mut opening = String::new();
    for sentence in about.trim_start_matches("Minimal: ").trim_end().trim_end_matches('.').split(". ") {
        if !opening.is_empty() {
            opening.push_str(". ");
        }
        opening.push_str(sentence);
        if opening.len() > 60 {
            break;
        }
    }
    let mut letters = opening.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect::<String>().replace('|', "\\|")
}

#[test]
fn every_link_leads_somewhere() {
    let mut dead = String::new();
    let mut links = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for target in targets(&text) {
            if target.contains("://") {
                continue;
            }
            links += 1;
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let there = file.exists()
                && (anchor.is_empty() || anchors(&fs::read_to_string(&file).unwrap()).contains(anchor));
            if !there {
                writeln!(dead, "{}: {target}", page.display()).unwrap();
            }
        }
    }
    assert!(links > 50, "only {links} links: are the pages still found?");
    assert!(dead.is_empty(), "links that lead nowhere:\n{dead}");
}

/// The pages that people read.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md"), root().join("corpus/README.md")];
    let docs = fs::read_dir(root().join("docs")).unwrap();
    pages.extend(
        docs.map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|end| end == "md")),
    );
    pages
}

/// The targets of the links outside of fenced blocks.
fn targets(text: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut targets = Vec::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if !fenced {
            let ends = line.split("](").skip(1);
            targets.extend(ends.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target));
        }
    }
    targets
}

/// The anchors that a Markdown page's headings have on the web.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let slug = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
        kept.map(|char| if char == ' ' { '-' } else { char }).collect()
    };
    headings.map(slug).collect()
}
