//! Nothing is left half done: no marks for later, no stand-ins, no test that is switched off.
//!
//! What remains to be done is an issue, not a comment. This crate spells the marks out and is left out.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::{Complaint, Tree};

const MARKS: &[&str] = &["TODO", "FIXME", "XXX"];
const STAND_INS: &[&str] = &["todo", "unimplemented"];
const OURS: &str = "crates/tidy/";

pub fn check(tree: &Tree) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in tree.texts.iter().filter(|file| !file.path.starts_with(OURS)) {
        for (index, line) in file.text.lines().enumerate() {
            for word in line.split(|letter: char| !letter.is_alphanumeric() && letter != '_') {
                if MARKS.contains(&word) {
                    complaints.push(Complaint::new(
                        &file.path,
                        index + 1,
                        format!("`{word}`"),
                        "the work, or an issue",
                    ));
                }
            }
        }
    }
    for source in tree.sources.iter().filter(|source| !source.path.starts_with(OURS)) {
        let mut found = Vec::new();
        if let Ok(stream) = source.text.parse::<TokenStream>() {
            collect(stream, &mut found);
        }
        let complain =
            |(line, what): (usize, String)| Complaint::new(&source.path, line, what, "code that does its work");
        complaints.extend(found.into_iter().map(complain));
    }
    complaints
}

fn collect(stream: TokenStream, found: &mut Vec<(usize, String)>) {
    let mut before: Option<TokenTree> = None;
    for token in stream {
        match (&before, &token) {
            (Some(TokenTree::Ident(word)), TokenTree::Punct(mark))
                if mark.as_char() == '!' && STAND_INS.iter().any(|name| word == name) =>
            {
                found.push((word.span().start().line, format!("`{word}!`")));
            }
            (Some(TokenTree::Punct(mark)), TokenTree::Group(group))
                if mark.as_char() == '#' && group.delimiter() == Delimiter::Bracket && is_ignore(group.stream()) =>
            {
                found.push((mark.span().start().line, "a test that is switched off".to_owned()));
            }
            _ => {}
        }
        if let TokenTree::Group(group) = &token {
            collect(group.stream(), found);
        }
        before = Some(token);
    }
}

fn is_ignore(attribute: TokenStream) -> bool {
    matches!(attribute.into_iter().next(), Some(TokenTree::Ident(word)) if word == "ignore")
}
