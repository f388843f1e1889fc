//! Circles of modules: siblings of which each needs the next, and the last the first.
//!
//! In: the sources of a crate. Out: each circle, with who needs whom. A parent and its children are no circle: a child's file is part of its parent's
//! subject. Tests, and what is built for tests alone, may know everything. Never here: other crates.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree};

type Module = Vec<String>;

/// The circles of a crate whose sources lie below a folder.
pub fn of(folder: &str, sources: &[(String, String)]) -> Vec<String> {
    let mut parsed: BTreeMap<Module, syn::File> = BTreeMap::new();
    for (path, text) in sources {
        let inside = path.strip_prefix(folder).and_then(|path| path.strip_suffix(".rs")).unwrap();
        let mut module: Module = inside.trim_start_matches('/').split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
            module.pop();
        }
        parsed.insert(module, syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}")));
    }
    let tests: BTreeSet<Module> = parsed.iter().flat_map(|(module, file)| only_tests(module, file)).collect();
    let is_test = |module: &Module| tests.iter().any(|test| module.starts_with(test));
    let known: BTreeSet<Module> = parsed.keys().filter(|module| !is_test(module)).cloned().collect();
    // Within each folder: which sibling needs which.
    let mut needs: BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for module in &known {
        let mut paths = Paths { module, found: Vec::new() };
        paths.visit_file(&parsed[module]);
        for needed in paths.found {
            let needed =
                (0..=needed.len()).rev().map(|length| &needed[..length]).find(|needed| known.contains(*needed)).unwrap_or_default();
            let shared = module.iter().zip(needed).take_while(|(one, other)| one == other).count();
            if shared < module.len() && shared < needed.len() {
                let siblings = needs.entry(module[..shared].to_vec()).or_default();
                siblings.entry(module[shared].clone()).or_default().insert(needed[shared].clone());
            }
        }
    }
    needs.iter().flat_map(|(parent, siblings)| circles(&[&[folder.to_owned()], &parent[..]].concat().join("/"), siblings)).collect()
}

fn circles(parent: &str, siblings: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let all: BTreeMap<_, _> = siblings.keys().map(|name| (name, reached(name, siblings))).collect();
    let in_circle = |name: &String, other: &String| all[name].contains(other) && all.get(other).is_some_and(|back| back.contains(name));
    let told = |name: &String| {
        let needed: Vec<&str> = siblings[name].iter().filter(|other| in_circle(name, other)).map(String::as_str).collect();
        format!("{name} needs {}", needed.join(", "))
    };
    let circle = |name: &String| siblings.keys().filter(|other| in_circle(name, other)).map(told).collect::<Vec<_>>().join("; ");
    siblings.keys().map(circle).filter(|circle| !circle.is_empty()).map(|circle| format!("{parent}: {circle}")).collect()
}

/// All that a module needs, itself or by others.
fn reached<'a>(from: &'a String, siblings: &'a BTreeMap<String, BTreeSet<String>>) -> BTreeSet<&'a String> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(at) = next.pop() {
        next.extend(siblings.get(at).into_iter().flatten().filter(|needed| reached.insert(*needed)));
    }
    reached
}

/// The modules of a file that are built for tests alone.
fn only_tests(module: &Module, file: &syn::File) -> Vec<Module> {
    let of_tests = |item: &Item| match item {
        Item::Mod(ItemMod { ident, attrs, .. }) if attrs.iter().any(is_for_tests) => Some([&module[..], &[ident.to_string()]].concat()),
        _ => None,
    };
    file.items.iter().filter_map(of_tests).collect()
}

/// `#[cfg(test)]`.
pub fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|what| what.is_ident("test"))
}

/// All paths that begin with `crate`, `self` or `super`, from the crate's root.
struct Paths<'a> {
    module: &'a Module,
    found: Vec<Module>,
}

impl Paths<'_> {
    fn note(&mut self, path: &[String]) {
        let ups = path.iter().take_while(|part| *part == "super").count();
        let base = match path.first().map(String::as_str) {
            Some("crate") => &[][..],
            Some("self") => self.module,
            Some("super") => &self.module[..self.module.len().saturating_sub(ups)],
            _ => return,
        };
        self.found.push([base, &path[ups.max(1)..]].concat());
    }

    fn tree(&mut self, before: &[String], tree: &UseTree) {
        let with = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.tree(&with(&path.ident), &path.tree),
            UseTree::Name(name) => self.note(&with(&name.ident)),
            UseTree::Rename(name) => self.note(&with(&name.ident)),
            UseTree::Glob(_) => self.note(before),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(before, tree)),
        }
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(ItemMod { attrs, .. }) | Item::Impl(syn::ItemImpl { attrs, .. }) | Item::Fn(syn::ItemFn { attrs, .. }) => &attrs[..],
            _ => &[],
        };
        // Modules within the file have its name: what is `super` there is here.
        if !attributes.iter().any(is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.tree(&[], &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.note(&path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>());
        visit::visit_path(self, path);
    }
}

#[test]
fn a_circle_is_found_and_no_other() {
    let sources =
        |files: &[(&str, &str)]| files.iter().map(|(path, text)| (format!("x/src/{path}.rs"), (*text).to_owned())).collect::<Vec<_>>();
    let ring = sources(&[
        ("lib", "mod a; mod b; mod c;"),
        ("a", "use crate::b::{self, B}; fn f() {}"),
        ("b/mod", "mod inner; pub use inner::B;"),
        ("b/inner", "use super::super::c; pub struct B;"),
        ("c", "fn f(a: super::a::A) {}"),
    ]);
    assert_eq!(of("x/src", &ring), ["x/src: a needs b; b needs c; c needs a"]);
    let chain = sources(&[
        ("lib", "mod a; mod b; #[cfg(test)] mod fixture; use self::a::A;"),
        ("a", "use crate::b::B; #[cfg(test)] mod tests { use crate::b; }"),
        ("b/mod", "mod inner; use inner::I; impl super::X for I {}"),
        ("b/inner", "use super::B;\n#[cfg(test)]\nmod tests { use crate::a::A; }"),
        ("fixture", "use crate::a; use crate::b;"),
    ]);
    assert_eq!(of("x/src", &chain), Vec::<String>::new());
}
