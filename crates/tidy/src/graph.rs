//! What cargo knows about the packages, cut down to what the checks ask: what each of our members names in its manifest,
//! and which packages are built, in which version and with which features.
//!
//! The second comes from `cargo tree`, which resolves features the way a build does; `cargo metadata` would also list
//! optional packages that nobody switched on. It is asked for one platform, so that the answer is the same everywhere.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// One of our packages.
#[derive(Debug)]
pub struct Member {
    pub package: String,
    /// Path of its manifest from the root.
    pub manifest: String,
    /// Direct normal and build dependencies.
    pub needs: Vec<Need>,
}

/// A dependency and the line of the manifest that names it.
#[derive(Debug)]
pub struct Need {
    pub package: String,
    pub line: usize,
}

/// A package as one build compiles it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Built {
    pub package: String,
    pub version: String,
    /// As cargo prints them: `alloc,std`.
    pub features: String,
}

/// Which build is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// What `make demo` compiles: no dev-dependencies.
    Demo,
    /// What `make test` compiles.
    Tests,
}

/// Why cargo did not answer.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    #[error("cargo metadata: {0}")]
    Metadata(#[from] cargo_metadata::Error),
    #[error("cargo tree: {0}")]
    Start(#[from] std::io::Error),
    #[error("cargo tree: {0}")]
    Refused(String),
}

/// Our packages.
///
/// # Errors
///
/// When cargo cannot read a manifest.
pub fn members(root: &Path) -> Result<Vec<Member>, GraphError> {
    let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
    Ok(metadata.workspace_packages().into_iter().map(|package| Member::of(package, root)).collect())
}

/// Everything that a build compiles, ours included, with all features on.
///
/// # Errors
///
/// When cargo cannot be started or refuses, for example because `Cargo.lock` is older than a manifest.
pub fn built(root: &Path, build: Build) -> Result<BTreeSet<Built>, GraphError> {
    let edges = match build {
        Build::Demo => "normal,build",
        Build::Tests => "normal,build,dev",
    };
    let output = Command::new("cargo")
        .args(["tree", "--workspace", "--all-features", "--locked", "--no-dedupe", "--target", PLATFORM])
        .args(["--prefix", "none", "--format", "{p} [{f}]", "--edges", edges])
        .current_dir(root)
        .output()?;
    if !output.status.success() {
        return Err(GraphError::Refused(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(Built::of).collect())
}

// === impl Member ===

impl Member {
    fn of(package: &Package, root: &Path) -> Self {
        let text = std::fs::read_to_string(&package.manifest_path).unwrap_or_default();
        let manifest = package.manifest_path.as_std_path();
        let manifest = manifest.strip_prefix(root).unwrap_or(manifest).to_string_lossy().replace('\\', "/");
        let kept = package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
        let needs = kept.map(|need| Need { package: need.name.clone(), line: line_of(&text, &need.name) }).collect();
        Self { package: package.name.to_string(), manifest, needs }
    }
}

// === impl Built ===

impl Built {
    /// Reads `name v1.2.3 (proc-macro) [alloc,std]`.
    pub fn of(line: &str) -> Option<Self> {
        let (front, features) = line.rsplit_once(" [")?;
        let mut words = front.split(' ');
        let (package, version) = (words.next()?, words.next()?);
        let features = features.trim_end_matches(']');
        Some(Self { package: package.to_owned(), version: version.to_owned(), features: features.to_owned() })
    }
}

/// The line that names a dependency, or the first one.
fn line_of(manifest: &str, dependency: &str) -> usize {
    let names = |line: &str| line.strip_prefix(dependency).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
    manifest.lines().position(names).map_or(1, |index| index + 1)
}
