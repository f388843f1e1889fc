//! Where code names a metric itself.
//!
//! In: a file's text. Out: the metrics of the table that stand in its texts, with their lines. Never here: tests, which say what they want to see.

use onpace_metrics::table;
use proc_macro2::{Literal, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, Macro};

use super::circles::is_for_tests;

/// The metrics that a file's code names, each with its line.
pub fn named_in(text: &str) -> Vec<(usize, &'static str)> {
    let mut looking = Looking::default();
    looking.visit_file(&syn::parse_file(text).unwrap());
    looking.named
}

#[derive(Default)]
struct Looking {
    named: Vec<(usize, &'static str)>,
}

impl Looking {
    fn literal(&mut self, literal: &Literal) {
        let text = literal.to_string();
        for metric in table::ALL {
            let whole = |at: usize| {
                let (before, after) = (&text[..at], &text[at + metric.name.len()..]);
                let goes_on = |character: char| character.is_ascii_lowercase() || character == '_';
                !before.ends_with(goes_on) && !after.starts_with(goes_on)
            };
            if text.match_indices(metric.name).any(|(at, _)| whole(at)) {
                self.named.push((literal.span().start().line, metric.name));
            }
        }
    }

    fn tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Literal(literal) => self.literal(&literal),
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }
}

impl<'a> Visit<'a> for Looking {
    fn visit_item(&mut self, item: &'a Item) {
        let attributes = match item {
            Item::Mod(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !attributes.iter().any(|attribute| attribute.path().is_ident("test") || is_for_tests(attribute)) {
            visit::visit_item(self, item);
        }
    }

    /// Docs may name whatever they speak of.
    fn visit_attribute(&mut self, _: &'a Attribute) {}

    fn visit_lit_str(&mut self, literal: &'a syn::LitStr) {
        self.literal(&literal.token());
    }

    fn visit_macro(&mut self, called: &'a Macro) {
        self.tokens(called.tokens.clone());
    }
}
