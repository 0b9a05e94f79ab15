//! A module is called after what it holds. Drawers for anything are refused, and so is `mod.rs`.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::{Complaint, Tree};

const NAMELESS: &[&str] = &["common", "helper", "helpers", "misc", "mod", "types", "util", "utils"];
const EXPECTED: &str = "a name that says what it holds (and `foo.rs` beside `foo/`)";

pub fn check(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for source in &tree.sources {
        for part in source.path.split('/').map(|part| part.trim_end_matches(".rs")) {
            if NAMELESS.contains(&part) {
                complaints.push(Complaint::new(&source.path, 1, format!("a module called `{part}`"), EXPECTED));
            }
        }
        let mut inline = Inline { found: Vec::new() };
        inline.visit_file(&source.ast);
        for (name, line) in inline.found {
            complaints.push(Complaint::new(&source.path, line, format!("a module called `{name}`"), EXPECTED));
        }
    }
    complaints
}

struct Inline {
    found: Vec<(String, usize)>,
}

impl<'ast> Visit<'ast> for Inline {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        if item.content.is_some() && NAMELESS.contains(&name.as_str()) {
            self.found.push((name, item.span().start().line));
        }
        visit::visit_item_mod(self, item);
    }
}
