//! INVARIANT (proofs): a value that says "checked" is built by the check alone.
//!
//! `Verified` is a token whose signature and claims passed; `Permitted` is a request that may be forwarded. Each is
//! defined in one file, with private fields and no derive that builds one, and only that file writes its literal.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::{Complaint, Source, Tree};

/// A type that is a proof, and where it may be defined.
#[derive(Debug)]
pub struct Proof {
    pub name: &'static str,
    /// The crate folder whose `src` defines it.
    pub home: &'static str,
    /// The file that defines it, when the design names one.
    pub file: Option<&'static str>,
}

pub const PROOFS: &[Proof] = &[
    Proof { name: "Verified", home: "token", file: Some("crates/token/src/jwt.rs") },
    Proof { name: "Permitted", home: "gateway", file: None },
];

/// Derives that make a value out of nothing or out of bytes.
const BUILDING: &[&str] = &["Default", "Deserialize"];

pub fn check(tree: &Tree) -> Vec<Complaint> {
    PROOFS.iter().flat_map(|proof| check_one(tree, proof)).collect()
}

fn check_one(tree: &Tree, proof: &Proof) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let homes: Vec<&Source> = tree
        .product()
        .filter(|source| source.crate_folder() == Some(proof.home))
        .filter(|source| source.ast.items.iter().any(|item| defines(item, proof.name)))
        .collect();
    let home = match (homes.as_slice(), proof.file) {
        ([home], None) => Some(home.path.as_str()),
        ([home], Some(file)) if home.path == file => Some(file),
        _ => None,
    };
    let Some(home) = home else {
        let place = proof.file.map_or_else(|| format!("crates/{}/src", proof.home), str::to_owned);
        let found = format!("`{}` is defined in {:?}", proof.name, homes.iter().map(|s| &s.path).collect::<Vec<_>>());
        return vec![Complaint::new(&place, 1, found, "exactly one definition, here")];
    };
    for source in tree.product() {
        let mut builders = Builders { name: proof.name, within: false, found: Vec::new() };
        builders.visit_file(&source.ast);
        if source.path == home {
            complaints.extend(source.ast.items.iter().flat_map(|item| weak_points(item, proof, home)));
            continue;
        }
        for line in builders.found.into_iter().filter(|line| !source.is_test_line(*line)) {
            let found = format!("`{}` is built here", proof.name);
            complaints.push(Complaint::new(&source.path, line, found, format!("only {home} to build one")));
        }
    }
    complaints
}

fn defines(item: &syn::Item, name: &str) -> bool {
    matches!(item, syn::Item::Struct(found) if found.ident == name)
}

/// Public fields and derives by which others could build the type.
fn weak_points(item: &syn::Item, proof: &Proof, home: &str) -> Vec<Complaint> {
    let syn::Item::Struct(found) = item else { return Vec::new() };
    if found.ident != proof.name {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    for field in found.fields.iter().filter(|field| !matches!(field.vis, syn::Visibility::Inherited)) {
        let text = format!("`{}` has a field that others can write", proof.name);
        complaints.push(Complaint::new(home, field.span().start().line, text, "private fields only"));
    }
    for attribute in found.attrs.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        let syn::Meta::List(list) = &attribute.meta else { continue };
        let derives = list.tokens.to_string();
        for name in BUILDING.iter().filter(|name| derives.contains(**name)) {
            let text = format!("`{}` derives `{name}`", proof.name);
            complaints.push(Complaint::new(home, attribute.span().start().line, text, "no way round the check"));
        }
    }
    complaints
}

/// Finds literals of a struct: `Name { … }`, `Name(…)`, and `Self { … }` inside its `impl`.
struct Builders {
    name: &'static str,
    within: bool,
    found: Vec<usize>,
}

// === impl Builders ===

impl Builders {
    fn note(&mut self, path: &syn::Path) {
        let mut segments = path.segments.iter().rev().map(|segment| segment.ident.to_string());
        let Some(last) = segments.next() else { return };
        // `State::Verified { … }` is a variant of something else.
        let of_enum = segments.next().is_some_and(|before| before.starts_with(char::is_uppercase));
        if (last == self.name && !of_enum) || (last == "Self" && self.within) {
            self.found.push(path.span().start().line);
        }
    }
}

impl<'ast> Visit<'ast> for Builders {
    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let before = self.within;
        let of = if let syn::Type::Path(of) = item.self_ty.as_ref() { of.path.segments.last() } else { None };
        self.within = of.is_some_and(|of| of.ident == self.name);
        visit::visit_item_impl(self, item);
        self.within = before;
    }

    fn visit_expr_struct(&mut self, literal: &'ast syn::ExprStruct) {
        self.note(&literal.path);
        visit::visit_expr_struct(self, literal);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(callee) = call.func.as_ref() {
            self.note(&callee.path);
        }
        visit::visit_expr_call(self, call);
    }
}
