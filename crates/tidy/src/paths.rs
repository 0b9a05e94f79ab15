//! Every path that a product file names, each written out in full, with its line.
//!
//! `use std::{env, net}` counts as `std::env` and `std::net`. What stands inside macros and attributes is not parsed, so
//! there any run of `word::word` counts. Comments and strings name nothing.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::Source;

/// A path as the source writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub segments: Vec<String>,
    pub line: usize,
}

/// The paths of a file, without those on lines that only tests compile.
pub fn named(source: &Source) -> Vec<Named> {
    let mut collector = Collector { found: Vec::new() };
    collector.visit_file(&source.ast);
    collector.found.retain(|path| !source.is_test_line(path.line));
    collector.found
}

// === impl Named ===

impl Named {
    pub fn starts_with(&self, prefix: &[&str]) -> bool {
        self.segments.len() >= prefix.len() && self.segments.iter().zip(prefix).all(|(ours, theirs)| ours == theirs)
    }

    pub fn written(&self) -> String {
        self.segments.join("::")
    }
}

struct Collector {
    found: Vec<Named>,
}

// === impl Collector ===

impl Collector {
    fn use_tree(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.use_tree(&path.tree, &with(&path.ident)),
            syn::UseTree::Name(name) => self.push(with(&name.ident), name.span()),
            syn::UseTree::Rename(rename) => self.push(with(&rename.ident), rename.span()),
            syn::UseTree::Glob(glob) => self.push(before.to_vec(), glob.span()),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.use_tree(item, before)),
        }
    }

    fn push(&mut self, segments: Vec<String>, span: proc_macro2::Span) {
        self.found.push(Named { segments, line: span.start().line });
    }

    fn tokens(&mut self, stream: TokenStream) {
        let mut run: Option<Named> = None;
        let mut colons = 0;
        for token in stream {
            match token {
                TokenTree::Ident(word) => {
                    let continued = (colons == 2).then(|| run.take()).flatten();
                    self.found.extend(run.take());
                    let mut path = continued.unwrap_or(Named { segments: Vec::new(), line: word.span().start().line });
                    path.segments.push(word.to_string());
                    run = Some(path);
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.found.extend(run.take());
                    self.tokens(group.stream());
                    colons = 0;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.found.extend(run.take());
                    colons = 0;
                }
            }
        }
        self.found.extend(run);
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.use_tree(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect(), path.span());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
        visit::visit_attribute(self, attribute);
    }
}
