//! Compares readers of YAML and JSON on what `kubectl get pods -o yaml|json` prints.
//!
//! `cargo run --release -p npv-readers [PODS]` prints a table: megabytes per second on one core, and the peak
//! memory beyond the text. Each candidate runs in a process of its own, and reads the text in chunks of about a
//! megabyte as npv does.
//!
//! `cargo run --release -p npv-readers load [PODS]` writes files of pods, and reads each as npv does, with all its
//! threads: files in the tree of directories below the target directory, seconds, and the peak memory in all.

mod candidates;
mod whole;

use std::hint::black_box;
use std::time::Instant;

use candidates::{ALL, Candidate};
use npv_bench::manifest;
use npv_bench::plan::{Plan, Size};

const CHUNK: usize = 1 << 20;
/// Any number would do; the plan must be the same in every process.
const SEED: u64 = 1;

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1..).unwrap_or_default() {
        [verb, pods @ ..] if verb == "load" => return whole::run(pods.first().map_or("100000", |pods| pods)),
        [verb, file] if verb == "load-file" => return whole::load_file(file),
        _ => {}
    }
    let pods =
        arguments.get(1).map_or(Ok(10_000), |text| text.parse()).map_err(|_| "usage: npv-readers [PODS]")?;
    if let Some(index) = arguments.get(2) {
        let candidate =
            index.parse().ok().and_then(|index: usize| ALL.get(index)).ok_or("no such candidate")?;
        println!("{}", measure(candidate, pods)?);
        return Ok(());
    }
    for input in ["yaml", "json"] {
        println!(
            "{pods} pods, {input}: {} bytes",
            chunks(input, pods).iter().map(String::len).sum::<usize>()
        );
    }
    println!("{:<6}{:<28}{:<14}{:>7} {:>9}", "input", "reader", "positions", "MB/s", "peak MB");
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    for (index, candidate) in ALL.iter().enumerate() {
        let run = std::process::Command::new(&program).args([pods.to_string(), index.to_string()]).output();
        let output = run.map_err(|error| error.to_string())?;
        let result = if output.status.success() { &output.stdout } else { &output.stderr };
        println!(
            "{:<6}{:<28}{:<14}{}",
            candidate.input,
            candidate.name,
            candidate.positions,
            String::from_utf8_lossy(result).trim_end()
        );
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "megabytes with one digit")]
fn measure(candidate: &Candidate, pods: u32) -> Result<String, String> {
    let chunks = chunks(candidate.input, pods);
    let size: usize = chunks.iter().map(String::len).sum();
    let before = peak_kib();
    let start = Instant::now();
    for chunk in &chunks {
        black_box((candidate.read)(black_box(chunk))?);
    }
    let seconds = start.elapsed().as_secs_f64();
    Ok(format!(
        "{:>7.1} {:>9.1}",
        size as f64 / 1e6 / seconds,
        (peak_kib().saturating_sub(before)) as f64 / 1e3
    ))
}

/// The pods in texts of about a megabyte: YAML documents, or JSON objects indented as kubectl does in a list.
fn chunks(input: &str, pods: u32) -> Vec<String> {
    let mut chunks = vec![String::new()];
    // Collecting texts cannot fail.
    let _ = manifest::pods(&plan(pods), &mut |pod| {
        if chunks.last().is_none_or(|chunk| chunk.len() > CHUNK) {
            chunks.push(String::new());
        }
        let Some(chunk) = chunks.last_mut() else { return Ok(()) };
        if input == "yaml" {
            chunk.push_str("---\n");
            manifest::yaml(chunk, pod, 0, "");
        } else {
            chunk.push_str(&manifest::indented(pod));
            chunk.push('\n');
        }
        Ok(())
    });
    chunks
}

/// Pods and nothing else, as many as wanted.
fn plan(pods: u32) -> Plan {
    Plan::new(Size::new(pods, 0), SEED)
}

/// The most memory this process has had, in KiB; zero where the system does not say.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or(0)
}
