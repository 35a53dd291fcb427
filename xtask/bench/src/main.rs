//! `cargo xtask bench`: generates clusters, runs npv's whole pipeline on each, and prints what it took.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;
use npv_bench::manifest::{self, Format};
use npv_bench::measure::{self, Run};
use npv_bench::plan::{Plan, Size};
use npv_bench::table;

/// Generates clusters, reads them and answers who reaches whom: what each stage takes.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Arguments {
    /// Sizes as PODS:POLICIES
    #[arg(long, value_name = "PODS:POLICIES", value_delimiter = ',', value_parser = size,
        default_value = "1000:300,10000:2000,50000:5000,100000:10000",
        default_value_if("proofs", "true", "100:10,500:100,1000:200,5000:1000"))]
    sizes: Vec<Size>,
    /// What the generated clusters depend on
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Multiplies the replicas of every Deployment, and leaves everything else as it is
    #[arg(long, default_value_t = 1)]
    replicas: u32,
    /// How often each is measured; the run with the smallest total counts
    #[arg(long, default_value_t = 1)]
    repeat: u32,
    /// Only this kind of input: `yaml` or `json`
    #[arg(long, value_parser = ["yaml", "json"])]
    input: Option<String>,
    /// Where to keep the generated manifests; they are made only where they are missing
    #[arg(long, value_name = "DIRECTORY", default_value = "target/bench")]
    directory: PathBuf,
    /// Make the manifests and measure nothing
    #[arg(long)]
    generate: bool,
    /// Write the results as JSON to this file as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure a full check with its proofs, for 10, 100, 200 and 1,000 policies unless sizes are given
    #[arg(long)]
    proofs: bool,
    /// Measure these manifests and print the result as JSON, in this process
    #[arg(long, value_name = "FILE", num_args = 1.., hide = true)]
    measure: Vec<PathBuf>,
}

fn size(text: &str) -> Result<Size, String> {
    let numbers =
        text.split_once(':').and_then(|(pods, policies)| Some((pods.parse().ok()?, policies.parse().ok()?)));
    let (pods, policies) = numbers.ok_or("wanted are two numbers, as in `10000:2000`")?;
    Ok(Size::new(pods, policies))
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask bench: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    if !arguments.measure.is_empty() {
        let format = arguments.input.as_deref().unwrap_or("yaml");
        let run = measure::run(&arguments.measure, format)?;
        println!("{}", serde_json::to_string(&run).map_err(|error| error.to_string())?);
        return Ok(());
    }
    fs::create_dir_all(&arguments.directory)
        .map_err(|error| format!("{}: {error}", arguments.directory.display()))?;
    if arguments.proofs {
        return proofs(arguments);
    }
    let mut runs: Vec<Run> = Vec::new();
    for format in Format::ALL {
        if arguments.input.as_deref().is_some_and(|wanted| wanted != format.name()) {
            continue;
        }
        for size in &arguments.sizes {
            let file = generated(arguments, *size, format)?;
            if arguments.generate {
                println!("{}", file.display());
                continue;
            }
            let best =
                (0..arguments.repeat.max(1)).map(|_| measured(&file, format)).min_by(|a, b| match (a, b) {
                    (Ok(a), Ok(b)) => a.total.wall.total_cmp(&b.total.wall),
                    (a, b) => a.is_ok().cmp(&b.is_ok()),
                });
            runs.push(best.unwrap_or_else(|| Err("nothing measured".to_owned()))?);
        }
    }
    if arguments.generate {
        return Ok(());
    }
    print!(
        "{}\nGrowth per doubling of the number of pods:\n\n{}",
        table::table(&runs),
        table::doublings(&runs)
    );
    if let Some(odd) = runs.iter().find(|run| run.findings > 0) {
        return Err(format!("reading {} pods as {} led to {} findings", odd.pods, odd.format, odd.findings));
    }
    if let Some(file) = &arguments.json {
        let text = serde_json::to_string_pretty(&runs).map_err(|error| error.to_string())?;
        fs::write(file, text + "\n").map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(())
}

/// What proofs cost, one size after the other.
fn proofs(arguments: &Arguments) -> Result<(), String> {
    let mut runs = Vec::new();
    for size in &arguments.sizes {
        let file = generated(arguments, *size, Format::Json)?;
        let best =
            (0..arguments.repeat.max(1)).map(|_| npv_bench::proofs::run(&file)).min_by(|a, b| match (a, b) {
                (Ok(a), Ok(b)) => a.check.wall.total_cmp(&b.check.wall),
                (a, b) => a.is_ok().cmp(&b.is_ok()),
            });
        runs.push(best.unwrap_or_else(|| Err("nothing measured".to_owned()))?);
    }
    print!("{}", table::proofs(&runs));
    match &arguments.json {
        Some(file) => {
            let text = serde_json::to_string_pretty(&runs).map_err(|error| error.to_string())?;
            fs::write(file, text + "\n").map_err(|error| format!("{}: {error}", file.display()))
        }
        None => Ok(()),
    }
}

/// The file with the manifests of a cluster.
fn generated(arguments: &Arguments, size: Size, format: Format) -> Result<PathBuf, String> {
    let Size { pods, policies, .. } = size;
    let (seed, replicas) = (arguments.seed, arguments.replicas);
    let name = format!("{pods}-{policies}-{seed}-{replicas}.{}", format.name());
    let file = arguments.directory.join(name);
    if !file.exists() {
        eprintln!("generating {}", file.display());
        let plan = Plan::new(size, seed).scaled(replicas);
        // Under another name, so that a run that is broken off leaves nothing that looks complete.
        let unfinished = file.with_extension("tmp");
        write(&plan, format, &unfinished)
            .and_then(|()| fs::rename(&unfinished, &file))
            .map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(file)
}

fn write(plan: &Plan, format: Format, file: &Path) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    manifest::write(plan, format, &mut out)?;
    out.flush()
}

/// A measurement in a process of its own, so that peaks of memory do not add up.
fn measured(file: &Path, format: Format) -> Result<Run, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program)
        .args(["--input", format.name(), "--measure"])
        .arg(file)
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}
