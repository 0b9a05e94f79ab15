//! SQL text is written in the store and nowhere else.
//!
//! A string counts as SQL when it opens like a statement. Doc comments are strings to the compiler; they are left out.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::{Complaint, Tree};

/// First words of a statement, and a word that must follow somewhere.
const STATEMENTS: &[(&str, &str)] = &[
    ("select ", " from "),
    ("insert into ", " values"),
    ("insert into ", " select "),
    ("update ", " set "),
    ("delete from ", ""),
    ("create table ", ""),
    ("create index ", ""),
    ("create unique index ", ""),
    ("alter table ", ""),
    ("drop table ", ""),
    ("pragma ", ""),
];

pub fn check(tree: &Tree) -> Vec<Complaint> {
    let expected = "SQL only in crates/store";
    let mut complaints = Vec::new();
    for file in tree.texts.iter().filter(|file| file.path.ends_with(".sql") && !file.path.starts_with("crates/store/"))
    {
        complaints.push(Complaint::new(&file.path, 1, "a file of SQL", expected));
    }
    for source in tree.product().filter(|source| !matches!(source.crate_folder(), Some("store" | "tidy"))) {
        let Ok(stream) = source.text.parse::<TokenStream>() else { continue };
        let mut strings = Vec::new();
        collect_strings(stream, &mut strings);
        for (line, text) in strings {
            if is_statement(&text) && !source.is_test_line(line) {
                complaints.push(Complaint::new(&source.path, line, format!("a statement of SQL: {text}"), expected));
            }
        }
    }
    complaints
}

fn is_statement(literal: &str) -> bool {
    let text = literal.trim_start_matches(['r', 'b', '#', '"']).to_lowercase();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    STATEMENTS.iter().any(|(opening, later)| text.starts_with(opening) && text.contains(later))
}

fn collect_strings(stream: TokenStream, strings: &mut Vec<(usize, String)>) {
    let mut hash = Hash::None;
    for token in stream {
        match token {
            TokenTree::Group(group) => {
                let is_attribute = hash == Hash::Before && group.delimiter() == Delimiter::Bracket;
                if !(is_attribute && opens_with_doc(&group.stream())) {
                    collect_strings(group.stream(), strings);
                }
                hash = Hash::None;
            }
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                if text.contains('"') {
                    strings.push((literal.span().start().line, text));
                }
            }
            TokenTree::Punct(mark) if mark.as_char() == '#' => hash = Hash::Before,
            TokenTree::Punct(mark) if mark.as_char() == '!' && hash == Hash::Before => {}
            TokenTree::Punct(_) | TokenTree::Ident(_) => hash = Hash::None,
        }
    }
}

/// Whether the bracket that comes next belongs to an attribute.
#[derive(PartialEq, Eq)]
enum Hash {
    Before,
    None,
}

fn opens_with_doc(stream: &TokenStream) -> bool {
    matches!(stream.clone().into_iter().next(), Some(TokenTree::Ident(word)) if word == "doc")
}
