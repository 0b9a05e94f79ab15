//! A function fits on a screen, a file in a sitting.
//!
//! A function is measured from its first word to its closing brace, comments and blank lines included. Tests are not
//! measured, neither as functions nor as part of a file.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::{Complaint, Source, Tree};

pub const FUNCTION_LINES_MAX: usize = 70;
pub const FILE_LINES_MAX: usize = 600;

pub fn check(tree: &Tree) -> Vec<Complaint> {
    tree.product().flat_map(|source| file(source).into_iter().chain(functions(source))).collect()
}

fn file(source: &Source) -> Option<Complaint> {
    let lines = (1..=source.text.lines().count()).filter(|line| !source.is_test_line(*line)).count();
    let found = format!("the file has {lines} lines without its tests");
    (lines > FILE_LINES_MAX).then(|| Complaint::new(&source.path, 1, found, format!("at most {FILE_LINES_MAX}")))
}

fn functions(source: &Source) -> Vec<Complaint> {
    let mut rulers = Rulers { long: Vec::new() };
    rulers.visit_file(&source.ast);
    let product = rulers.long.into_iter().filter(|long| !source.is_test_line(long.line));
    let complain = |long: Long| {
        let found = format!("function `{}` has {} lines", long.name, long.lines);
        Complaint::new(&source.path, long.line, found, format!("at most {FUNCTION_LINES_MAX}"))
    };
    product.map(complain).collect()
}

struct Long {
    name: String,
    line: usize,
    lines: usize,
}

struct Rulers {
    long: Vec<Long>,
}

// === impl Rulers ===

impl Rulers {
    fn measure(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let line = signature.span().start().line;
        let lines = body.span().end().line + 1 - line;
        if lines > FUNCTION_LINES_MAX {
            self.long.push(Long { name: signature.ident.to_string(), line, lines });
        }
    }
}

impl<'ast> Visit<'ast> for Rulers {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.measure(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.measure(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.measure(&item.sig, body);
        }
        visit::visit_trait_item_fn(self, item);
    }
}
