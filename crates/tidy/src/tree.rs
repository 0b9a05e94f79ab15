//! The files of the repository, read once: text for all, a syntax tree for Rust.
//!
//! Files are found by walking from the root, not by asking git, because the gate also runs where only Rust and a C
//! compiler are installed. `.gitignore` is honoured as far as ours goes: rooted names and `*.suffix`.
//!
//! A test is told from the product by its place (`tests/`, `benches/`, `examples/`, `tests.rs`) or by `#[cfg(test)]` in
//! front of the module that declares it; inside a product file, items under `#[cfg(test)]` are known by their lines.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use proc_macro2::TokenTree;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Everything the checks look at.
#[derive(Debug)]
pub struct Tree {
    pub sources: Vec<Source>,
    pub texts: Vec<Text>,
}

/// A file that is UTF-8, Rust or not.
#[derive(Debug)]
pub struct Text {
    pub path: String,
    pub text: String,
}

/// A Rust file.
pub struct Source {
    pub path: String,
    pub text: String,
    pub ast: syn::File,
    pub role: Role,
    /// Lines of items that only tests compile, in a file of the product.
    pub test_lines: Vec<RangeInclusive<usize>>,
}

/// Whether a file ends up in the binary or a published crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Product,
    /// Tests, benches and examples.
    Beside,
}

/// Why the tree could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    #[error("no folder above `{}` holds a workspace manifest", .0.display())]
    NoRoot(PathBuf),
    #[error("`{path}`: {source}")]
    Read { path: String, source: io::Error },
    #[error("{path}:{line}: {source}")]
    Syntax { path: String, line: usize, source: syn::Error },
}

// === impl Tree ===

impl Tree {
    /// Reads the repository whose root this is.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or a Rust file does not parse.
    pub fn of(root: &Path) -> Result<Self, TreeError> {
        let mut found = Vec::new();
        let ignored = Ignored::of(&fs::read_to_string(root.join(".gitignore")).unwrap_or_default());
        walk(root, "", &ignored, &mut found)?;
        found.sort();
        Self::from_texts(found.into_iter().map(|(path, text)| Text { path, text }).collect())
    }

    /// A tree made of samples, for the checks' own tests.
    ///
    /// # Errors
    ///
    /// When a sample is not Rust.
    pub fn sample(files: &[(&str, &str)]) -> Result<Self, TreeError> {
        let own = |&(path, text): &(&str, &str)| Text { path: path.to_owned(), text: text.to_owned() };
        Self::from_texts(files.iter().map(own).collect())
    }

    /// The Rust files that end up in the binary or a published crate.
    pub fn product(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| source.role == Role::Product)
    }

    fn from_texts(texts: Vec<Text>) -> Result<Self, TreeError> {
        let rust = texts.iter().filter(|file| file.path.ends_with(".rs"));
        let mut sources = rust.map(|file| Source::parse(&file.path, &file.text)).collect::<Result<Vec<_>, _>>()?;
        let declared: BTreeSet<String> = sources.iter().flat_map(Source::test_modules).collect();
        for source in &mut sources {
            let stem = source.path.trim_end_matches(".rs");
            if declared.iter().any(|module| stem == module || stem.starts_with(&format!("{module}/"))) {
                source.role = Role::Beside;
            }
        }
        Ok(Self { sources, texts })
    }
}

// === impl Source ===

impl Source {
    fn parse(path: &str, text: &str) -> Result<Self, TreeError> {
        let ast = syn::parse_file(text).map_err(|source| {
            let line = source.span().start().line;
            TreeError::Syntax { path: path.to_owned(), line, source }
        })?;
        let mut regions = TestRegions { lines: Vec::new() };
        regions.visit_file(&ast);
        let beside = path.ends_with("/tests.rs") || ["tests", "benches", "examples"].iter().any(|f| is_under(path, f));
        let role = if beside { Role::Beside } else { Role::Product };
        Ok(Self { path: path.to_owned(), text: text.to_owned(), ast, role, test_lines: regions.lines })
    }

    /// Whether only tests compile this line of a product file.
    pub fn is_test_line(&self, line: usize) -> bool {
        self.test_lines.iter().any(|range| range.contains(&line))
    }

    /// The folder under `crates/`.
    pub fn crate_folder(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// `src/a.rs` with `#[cfg(test)] mod b;` declares `src/a/b`.
    fn test_modules(&self) -> Vec<String> {
        let stem = self.path.trim_end_matches(".rs");
        let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
        let base = if matches!(name, "lib" | "main") { folder } else { stem };
        let declared = |item: &syn::Item| {
            let syn::Item::Mod(module) = item else { return None };
            let elsewhere = module.content.is_none() && module.attrs.iter().any(is_test_only);
            elsewhere.then(|| format!("{base}/{}", module.ident))
        };
        self.ast.items.iter().filter_map(declared).collect()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("path", &self.path).field("role", &self.role).finish_non_exhaustive()
    }
}

/// The root of the workspace that `from` lies in.
///
/// # Errors
///
/// When no folder from `from` upwards holds a workspace manifest.
pub fn root_above(from: &Path) -> Result<PathBuf, TreeError> {
    let holds_workspace = |folder: &&Path| {
        fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.lines().any(|line| line == "[workspace]"))
    };
    let root = from.ancestors().find(holds_workspace);
    root.map(Path::to_path_buf).ok_or_else(|| TreeError::NoRoot(from.to_path_buf()))
}

/// Whether the attribute keeps its item out of the product: `#[cfg(test)]`, `#[cfg(all(test, …))]`, `#[test]`,
/// `#[tokio::test]`. `any(test, …)` does not: then something else can switch it on.
pub fn is_test_only(attribute: &syn::Attribute) -> bool {
    let path = attribute.path();
    if !path.is_ident("cfg") {
        return path.segments.last().is_some_and(|last| last.ident == "test");
    }
    let syn::Meta::List(list) = &attribute.meta else { return false };
    let mut tokens = list.tokens.clone().into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Ident(word)), None) => word == "test",
        (Some(TokenTree::Ident(word)), Some(TokenTree::Group(group))) if word == "all" => {
            group.stream().into_iter().any(|token| matches!(token, TokenTree::Ident(word) if word == "test"))
        }
        _ => false,
    }
}

/// Collects the lines of items that carry a test-only attribute.
struct TestRegions {
    lines: Vec<RangeInclusive<usize>>,
}

// === impl TestRegions ===

impl TestRegions {
    fn note(&mut self, attributes: &[syn::Attribute], item: &impl Spanned) {
        if attributes.iter().any(is_test_only) {
            let span = item.span();
            self.lines.push(span.start().line..=span.end().line);
        }
    }
}

impl<'ast> Visit<'ast> for TestRegions {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.note(&item.attrs, item);
        visit::visit_item_mod(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.note(&item.attrs, item);
        visit::visit_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.note(&item.attrs, item);
        visit::visit_item_impl(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.note(&item.attrs, item);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.note(&item.attrs, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.note(&item.attrs, item);
        visit::visit_impl_item_fn(self, item);
    }
}

/// What `.gitignore` names.
struct Ignored {
    rooted: Vec<String>,
    suffixes: Vec<String>,
}

// === impl Ignored ===

impl Ignored {
    fn of(text: &str) -> Self {
        let named = |mark| text.lines().filter_map(move |line| line.trim().strip_prefix(mark)).map(str::to_owned);
        Self { rooted: named('/').collect(), suffixes: named('*').collect() }
    }

    fn covers(&self, path: &str) -> bool {
        path == ".git"
            || self.rooted.iter().any(|name| name == path)
            || self.suffixes.iter().any(|suffix| path.ends_with(suffix.as_str()))
    }
}

fn walk(root: &Path, folder: &str, ignored: &Ignored, found: &mut Vec<(String, String)>) -> Result<(), TreeError> {
    let failed = |path: &str| {
        let path = path.to_owned();
        move |source| TreeError::Read { path, source }
    };
    for entry in fs::read_dir(root.join(folder)).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        if ignored.covers(&path) {
            continue;
        }
        if entry.file_type().map_err(failed(&path))?.is_dir() {
            walk(root, &path, ignored, found)?;
        } else if let Ok(text) = String::from_utf8(fs::read(entry.path()).map_err(failed(&path))?) {
            found.push((path, text)); // Pictures and other binaries have no rules here.
        }
    }
    Ok(())
}

fn is_under(path: &str, folder: &str) -> bool {
    path.split('/').rev().skip(1).any(|part| part == folder)
}
