//! Which columns a map asks for, read from the map itself.
//!
//! In: a jq program. Out: every column that it takes by name from the row, wherever it does, in branches that no row ever takes
//! too; the zones it names. It is a walk over the program that follows what is the row and what is not through pipes, variables,
//! definitions and their arguments. What it can't follow (`.[$name]`, `to_entries`, `. + {…}`) it passes over: it may miss a column,
//! and never makes one up.

use std::rc::Rc;

use jaq_core::load;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::path::{Opt, Part};

/// How many terms are walked: a program whose definitions call one another without end ends here.
const STEPS: usize = 200_000;
/// How deep definitions call one another.
const DEPTH: usize = 60;

/// What a map asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Columns it can't do without, in the order in which they stand, each with the place in the program's text.
    pub(crate) columns: Vec<(String, usize)>,
    /// Columns it can do without: `.x?`, `.x // …`, `has("x")`, or it makes them itself: `.x = …`.
    pub(crate) optional: Vec<String>,
    /// Zones it names in `in_zone`.
    pub(crate) zones: Vec<Zone>,
}

/// A zone as `in_zone` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Zone {
    /// By its name.
    Named(String),
    /// By a variable, without the `$`.
    Variable(String),
}

/// Reads a program; of one that can't be parsed nothing is known.
pub(crate) fn asked(code: &str) -> Asked {
    let Some(program) = load::parse(code, |parser| parser.term()) else { return Asked::default() };
    let prelude: Vec<Def<&str>> = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).collect();
    let mut walk = Walk { code, asked: Asked::default(), lenient: false, steps: 0, depth: 0 };
    let scope = Scope::of(&prelude, &None);
    walk.term(&program, What::Row, &scope);
    let Asked { columns, optional, .. } = &mut walk.asked;
    columns.retain(|(name, _)| !optional.contains(name));
    walk.asked
}

/// What a value is, as far as that is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// The row.
    Row,
    /// A cell, or anything else.
    Other,
}

impl What {
    fn or(self, other: What) -> What {
        if self == What::Row { self } else { other }
    }
}

/// What names mean at a place, the innermost first.
type Names<'t, 's> = Option<Rc<Scope<'t, 's>>>;

struct Scope<'t, 's> {
    bound: Bound<'t, 's>,
    outer: Names<'t, 's>,
}

enum Bound<'t, 's> {
    /// A variable, with its `$`.
    Variable(&'s str, What),
    /// A definition, which sees itself and all that is outside.
    Definition(&'t Def<&'s str>),
    /// A definition's argument: a term of the place it was called from.
    Argument(&'s str, &'t Term<&'s str>, Names<'t, 's>),
}

impl<'t, 's> Scope<'t, 's> {
    fn with(bound: Bound<'t, 's>, outer: &Names<'t, 's>) -> Names<'t, 's> {
        Some(Rc::new(Scope { bound, outer: outer.clone() }))
    }

    fn of(definitions: &'t [Def<&'s str>], outer: &Names<'t, 's>) -> Names<'t, 's> {
        definitions.iter().fold(outer.clone(), |outer, definition| Scope::with(Bound::Definition(definition), &outer))
    }
}

struct Walk<'c> {
    code: &'c str,
    asked: Asked,
    /// Within the left of `//`.
    lenient: bool,
    steps: usize,
    depth: usize,
}

impl Walk<'_> {
    /// What a term makes of a value.
    fn term<'t, 's>(&mut self, term: &'t Term<&'s str>, dot: What, names: &Names<'t, 's>) -> What {
        self.steps += 1;
        if self.steps > STEPS {
            return What::Other;
        }
        match term {
            Term::Id => dot,
            Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Arr(None) => What::Other,
            Term::Str(_, parts) => {
                for part in parts {
                    if let StrPart::Term(term) = part {
                        self.term(term, dot, names);
                    }
                }
                What::Other
            }
            Term::Arr(Some(term)) | Term::Neg(term) => {
                self.term(term, dot, names);
                What::Other
            }
            Term::Obj(entries) => {
                for (key, value) in entries {
                    self.term(key, dot, names);
                    match (value, literal(key)) {
                        (Some(value), _) => {
                            self.term(value, dot, names);
                        }
                        (None, Some(name)) if dot == What::Row => self.ask(name, key, Opt::Essential),
                        _ => {}
                    }
                }
                What::Other
            }
            Term::BinOp(left, operator, right) => self.operation(left, operator, right, dot, names),
            Term::Label(_, term) => self.term(term, dot, names),
            Term::Fold(_, each, pattern, arguments) => {
                let each = self.term(each, dot, names);
                let within = self.bind(pattern, each, dot, names);
                let mut state = dot;
                for argument in arguments {
                    state = self.term(argument, state, &within);
                }
                state
            }
            Term::TryCatch(term, catch) => {
                let tried = self.term(term, dot, names);
                catch.as_ref().map_or(tried, |catch| tried.or(self.term(catch, What::Other, names)))
            }
            Term::IfThenElse(branches, last) => {
                let mut what = What::Other;
                for (condition, then) in branches {
                    self.term(condition, dot, names);
                    what = what.or(self.term(then, dot, names));
                }
                what.or(match last {
                    Some(last) => self.term(last, dot, names),
                    None => dot,
                })
            }
            Term::Def(definitions, term) => self.term(term, dot, &Scope::of(definitions, names)),
            Term::Call(name, arguments) => self.call(name, arguments, dot, names),
            Term::Var(name) => variable(name, names),
            Term::Path(base, path) => {
                let mut what = self.term(base, dot, names);
                for (part, optional) in &path.0 {
                    match part {
                        Part::Index(index) => {
                            self.term(index, dot, names);
                            if let (What::Row, Some(name)) = (what, literal(index)) {
                                self.ask(name, index, *optional);
                            }
                        }
                        Part::Range(from, to) => {
                            for bound in [from, to].into_iter().flatten() {
                                self.term(bound, dot, names);
                            }
                        }
                    }
                    what = What::Other;
                }
                what
            }
        }
    }

    fn operation<'t, 's>(
        &mut self,
        left: &'t Term<&'s str>,
        operator: &'t BinaryOp<&'s str>,
        right: &'t Term<&'s str>,
        dot: What,
        names: &Names<'t, 's>,
    ) -> What {
        match operator {
            BinaryOp::Pipe(None) => {
                let what = self.term(left, dot, names);
                self.term(right, what, names)
            }
            BinaryOp::Pipe(Some(pattern)) => {
                let what = self.term(left, dot, names);
                let within = self.bind(pattern, what, dot, names);
                self.term(right, dot, &within)
            }
            BinaryOp::Comma => self.term(left, dot, names).or(self.term(right, dot, names)),
            BinaryOp::Alt => {
                let what = self.leniently(|walk| walk.term(left, dot, names));
                what.or(self.term(right, dot, names))
            }
            BinaryOp::Or | BinaryOp::And | BinaryOp::Math(_) | BinaryOp::Cmp(_) => {
                self.term(left, dot, names);
                self.term(right, dot, names);
                What::Other
            }
            // What is written need not be there before.
            BinaryOp::Assign | BinaryOp::UpdateAlt => {
                self.leniently(|walk| walk.term(left, dot, names));
                self.term(right, dot, names);
                dot
            }
            BinaryOp::Update => {
                self.term(left, dot, names);
                self.term(right, What::Other, names);
                dot
            }
            BinaryOp::UpdateMath(_) => {
                self.term(left, dot, names);
                self.term(right, dot, names);
                dot
            }
        }
    }

    fn leniently<T>(&mut self, walk: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.lenient, true);
        let walked = walk(self);
        self.lenient = before;
        walked
    }

    /// The names with those that a pattern binds to a value.
    fn bind<'t, 's>(&mut self, pattern: &'t Pattern<&'s str>, value: What, dot: What, names: &Names<'t, 's>) -> Names<'t, 's> {
        match pattern {
            Pattern::Var(name) => Scope::with(Bound::Variable(name, value), names),
            Pattern::Arr(patterns) => patterns.iter().fold(names.clone(), |names, pattern| self.bind(pattern, What::Other, dot, &names)),
            Pattern::Obj(entries) => entries.iter().fold(names.clone(), |names, (key, pattern)| {
                self.term(key, dot, &names);
                if let (What::Row, Some(name)) = (value, literal(key)) {
                    self.ask(name, key, Opt::Essential);
                }
                self.bind(pattern, What::Other, dot, &names)
            }),
        }
    }

    fn call<'t, 's>(&mut self, name: &str, arguments: &'t [Term<&'s str>], dot: What, names: &Names<'t, 's>) -> What {
        if name == "in_zone" {
            self.zone(arguments);
        }
        match meaning(name, arguments.len(), names) {
            Some(Meaning::Argument(term, of)) => self.term(term, dot, &of),
            Some(Meaning::Definition(definition, at)) if self.depth < DEPTH => {
                let mut within = at;
                for (parameter, argument) in definition.args.iter().zip(arguments) {
                    let bound = match parameter.strip_prefix('$') {
                        Some(_) => Bound::Variable(parameter, self.term(argument, dot, names)),
                        None => Bound::Argument(parameter, argument, names.clone()),
                    };
                    within = Scope::with(bound, &within);
                }
                self.depth += 1;
                let what = self.term(&definition.body, dot, &within);
                self.depth -= 1;
                what
            }
            Some(Meaning::Definition(..)) => What::Other,
            // Written in Rust: what it is given it runs on its own input.
            None => {
                if let ("has", [key]) = (name, arguments)
                    && let (What::Row, Some(name)) = (dot, literal(key))
                {
                    self.asked.optional.push(name);
                }
                let made = arguments.iter().fold(What::Other, |made, argument| made.or(self.term(argument, dot, names)));
                let hands_on = ["first", "last", "limit", "skip"].contains(&name);
                if hands_on { made } else { What::Other }
            }
        }
    }

    fn zone(&mut self, arguments: &[Term<&str>]) {
        let zone = match arguments.first() {
            Some(Term::Var(name)) => Zone::Variable(name.trim_start_matches('$').to_owned()),
            Some(term) => match literal(term) {
                Some(name) => Zone::Named(name),
                None => return,
            },
            None => return,
        };
        if !self.asked.zones.contains(&zone) {
            self.asked.zones.push(zone);
        }
    }

    fn ask(&mut self, name: String, at: &Term<&str>, optional: Opt) {
        if self.lenient || matches!(optional, Opt::Optional) {
            if !self.asked.optional.contains(&name) {
                self.asked.optional.push(name);
            }
        } else if self.asked.columns.iter().all(|(known, _)| *known != name) {
            let place = match at {
                Term::Str(_, parts) => parts.iter().find_map(|part| match part {
                    StrPart::Str(text) => (text.as_ptr() as usize).checked_sub(self.code.as_ptr() as usize),
                    _ => None,
                }),
                _ => None,
            };
            // A term of the prelude lies elsewhere.
            self.asked.columns.push((name, place.filter(|place| *place < self.code.len()).unwrap_or(0)));
        }
    }
}

/// A text that stands in the program as it is.
fn literal(term: &Term<&str>) -> Option<String> {
    let Term::Str(None, parts) = term else { return None };
    let mut text = String::new();
    for part in parts {
        match part {
            StrPart::Str(piece) => text.push_str(piece),
            StrPart::Char(piece) => text.push(*piece),
            StrPart::Term(_) => return None,
        }
    }
    Some(text)
}

fn variable(name: &str, names: &Names<'_, '_>) -> What {
    let mut at = names.as_ref();
    while let Some(scope) = at {
        match scope.bound {
            Bound::Variable(known, what) if known == name => return what,
            _ => at = scope.outer.as_ref(),
        }
    }
    What::Other
}

enum Meaning<'t, 's> {
    Argument(&'t Term<&'s str>, Names<'t, 's>),
    /// With the names that its body sees, itself among them.
    Definition(&'t Def<&'s str>, Names<'t, 's>),
}

fn meaning<'t, 's>(name: &str, arity: usize, names: &Names<'t, 's>) -> Option<Meaning<'t, 's>> {
    let mut at = names.as_ref();
    while let Some(scope) = at {
        match &scope.bound {
            Bound::Definition(definition) if definition.name == name && definition.args.len() == arity => {
                return Some(Meaning::Definition(definition, Some(Rc::clone(scope))));
            }
            Bound::Argument(known, term, of) if arity == 0 && *known == name => return Some(Meaning::Argument(term, of.clone())),
            _ => at = scope.outer.as_ref(),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(code: &str) -> Vec<String> {
        asked(code).columns.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn every_column_that_is_taken_by_name_is_found() {
        for (code, found) in [
            (".a, .\"b c\", .[\"d\"], .[\"e\"][1:]", &["a", "b c", "d", "e"][..]),
            ("{a, \"b\": .c, (.d): .e, \"f \\(.g)\"}", &["a", "c", "d", "e", "g"]),
            ("if .a == \"x\" then .b elif .c then .d else .e end", &["a", "b", "c", "d", "e"]),
            (".a as $x | .b | $x", &["a", "b"]),
            (". as $row | .a | $row.b", &["a", "b"]),
            (". as {a: $x, $b} | 1", &["a", "b"]),
            ("def f: .a; def g($x; y): y | .b; f, g(1; .)", &["a", "b"]),
            ("def said($what; f): {id: .id, data: f}; .day as $d | said(\"x\"; {rep: .rep, $d})", &["day", "id", "rep"]),
            ("select(.a == \"x\") | .b", &["a", "b"]),
            ("first(., 1) | .a", &["a"]),
            ("try .a catch .b", &["a"]),
            ("reduce (.a, .b) as $x (0; . + $x)", &["a", "b"]),
            (".a |= tonumber | .a", &["a"]),
            ("del(.a) | .b", &["a", "b"]),
            ("def loop: .a, loop; loop", &["a"]),
            ("\"x\\(.a | ascii_downcase)\"", &["a"]),
        ] {
            assert_eq!(columns(code), found, "{code}");
        }
    }

    #[test]
    fn what_is_no_column_is_not_taken_for_one() {
        for code in [
            "{a: 1} | .a",
            "[{a: 1}] | .[0].a",
            "(. + {a: 1}) | .a",
            "\"x\" | capture(\"(?<h>.)\") | .h",
            "([capture(\"(?<h>.)\")] | first) as $shown | $shown.h",
            "def f($x): $x.a; f({a: 1})",
            "def f(g): {a: 1} | g; f(.a)",
            "$ARGS.named.a",
            "to_entries | map(.key, .value)",
            "with_entries(select(.value != \"\"))",
            ".[$file]",
            ".[\"x\" + \"y\"]",
            "sub(\"(?<a>x)\"; .a)",
            "# .a\n1",
        ] {
            assert_eq!(columns(code), Vec::<String>::new(), "{code}");
        }
    }

    #[test]
    fn what_a_map_can_do_without_is_told_apart() {
        for code in [".a?", ".a // \"x\"", "(.a | tidy) // \"x\"", "if has(\"a\") then .a else 1 end", ".a = 1 | .a", ".a //= 1 | .a"] {
            let asked = asked(code);
            assert_eq!((asked.columns, asked.optional.first().map(String::as_str)), (vec![], Some("a")), "{code}");
        }
        assert_eq!(columns("1 // .a"), ["a"], "what stands after it is asked for");
    }

    #[test]
    fn zones_and_places_are_found() {
        let asked = asked("# é\n.a | in_zone(\"Europe/Paris\"), in_zone($zone; \"later\")");
        assert_eq!(asked.zones, [Zone::Named("Europe/Paris".into()), Zone::Variable("zone".into())]);
        assert_eq!(asked.columns, [("a".to_owned(), "# é\n.".len())]);
    }
}
