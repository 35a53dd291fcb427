//! Reads whole files as npv does: in parallel, to decoded objects.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use npv_analyzer::load::{Options, load};
use npv_bench::manifest;
use npv_models::k8s::Decoder;

use crate::{peak_kib, plan};

/// Writes each kind of file, and reads it in a process of its own.
pub(crate) fn run(pods: &str) -> Result<(), String> {
    let pods: u32 = pods.parse().map_err(|_| "usage: npv-readers load [PODS]")?;
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    println!("{:<20}{:>8}{:>9}{:>9}{:>13}{:>9}", "file", "MB", "wall s", "CPU s", "MB per CPU s", "peak MB");
    for name in ["documents.yaml", "list.yaml", "list.json", "lines.json"] {
        let path = directory.path().join(name);
        write(&path, name, pods).map_err(|error| error.to_string())?;
        let output = std::process::Command::new(&program).arg("load-file").arg(&path).output();
        let output = output.map_err(|error| error.to_string())?;
        let text = if output.status.success() { output.stdout } else { output.stderr };
        println!("{name:<20}{}", String::from_utf8_lossy(&text).trim_end());
        std::fs::remove_file(&path).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn write(path: &Path, name: &str, pods: u32) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    let mut text = String::new();
    match name {
        "list.yaml" => writeln!(out, "apiVersion: v1\nitems:")?,
        "list.json" => writeln!(out, "{{\n    \"apiVersion\": \"v1\",\n    \"items\": [")?,
        _ => {}
    }
    let mut first = true;
    manifest::pods(&plan(pods), &mut |pod| {
        text.clear();
        match name {
            "documents.yaml" => {
                text.push_str("---\n");
                manifest::yaml(&mut text, pod, 0, "");
            }
            "list.yaml" => {
                text.push_str("- ");
                manifest::yaml(&mut text, pod, 2, "");
            }
            "list.json" => {
                text.push_str(if first { "        " } else { ",\n        " });
                text.push_str(&manifest::indented(pod).replace('\n', "\n        "));
            }
            _ => {
                text.push_str(&pod.to_string());
                text.push('\n');
            }
        }
        first = false;
        out.write_all(text.as_bytes())
    })?;
    match name {
        "list.yaml" => writeln!(out, "kind: List\nmetadata:\n  resourceVersion: \"\"")?,
        "list.json" => writeln!(out, "\n    ],\n    \"kind\": \"List\"\n}}")?,
        _ => {}
    }
    out.flush()
}

/// Reads one file and prints a row of the table.
#[expect(clippy::cast_precision_loss, reason = "megabytes with one digit")]
pub(crate) fn load_file(path: &str) -> Result<(), String> {
    let start = Instant::now();
    let decoder = Decoder::new("default");
    let loaded = load(&[PathBuf::from(path)], &Options::default(), |object| decoder.decode(&object));
    let loaded = loaded.map_err(|error| error.to_string())?;
    let seconds = start.elapsed().as_secs_f64();
    if let Some(finding) = loaded.findings.first() {
        return Err(finding.message.clone());
    }
    if let Some(finding) = loaded.objects.iter().flat_map(|object| &object.findings).next() {
        return Err(finding.message.clone());
    }
    let megabytes = loaded.sources.iter().map(|(_, source)| source.text().len()).sum::<usize>() as f64 / 1e6;
    let peak = peak_kib() as f64 * 1.024e-3;
    let cpu = cpu_seconds();
    println!("{megabytes:>8.1}{seconds:>9.2}{cpu:>9.2}{:>13.1}{peak:>9.0}", megabytes / cpu);
    Ok(())
}

/// The processor time that this process has taken, of all threads and the system's for it; zero where the system
/// does not say.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which may contain blanks, stand twelve fields and then the ticks of user and system.
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
