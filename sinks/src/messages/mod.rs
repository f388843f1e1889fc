//! What is said about an objective, to whom, in which language and tone.
//!
//! In: what happened, a language, for a person his DISC style. Out: templates that Prometheus fills in as it renders an alert's
//! annotations; the figures come from its own queries. What always holds: a text says what, how far, by when and what is needed a day.
//! Never here: labels, routes, numbers; a name that stands in a roster but that of the company.

mod en;
mod fr;
mod style;

use onpace_kpis::roster::{Language, Style};
use onpace_metrics::Metric;
use onpace_metrics::table::{
    DATA_AT, LOG_UP, OBJECTIVE_ATTAINED, OBJECTIVE_CHANCE, OBJECTIVE_EXPECTED, OBJECTIVE_FORECAST, OBJECTIVE_INFO, OBJECTIVE_LAST_DAY,
    OBJECTIVE_NEEDED, OBJECTIVE_TARGET, PIPELINE_UP, PROCESSOR_LAG, REP_INFO,
};

use crate::expressions::{PARTS_UP, RECENT, ROW, STATE, string};

/// What happened to an objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum News {
    /// It is at risk or out of reach.
    Behind,
    /// So it is, and little time is left or it would take a miracle.
    Urgent,
    /// It was missed.
    Missed,
    /// It was met.
    Met,
    /// It had been missed, and a late event mended that.
    Mended,
    /// It was behind and is on pace again.
    Recovered,
    /// A personal best, in a KPI that an objective wants.
    Best,
}

/// An alert's annotations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    /// What happened, without whom: the subject of a notification about several.
    pub title: String,
    /// A line.
    pub summary: String,
    /// How far, by when, what is needed a day.
    pub description: String,
    /// Who is concerned, the worst first.
    pub list: Option<String>,
}

/// The phrases of a language: pieces of templates.
struct Words {
    /// Its name for the label of a KPI's words.
    code: &'static str,
    /// How numbers, money, dates and periods are written: named templates.
    forms: &'static str,
    /// The company where it has no name.
    company: &'static str,
    title: fn(News) -> &'static str,
    summary: fn(News) -> &'static str,
    /// How far, by when, at this pace, needed a day: as far as each is known.
    figures: &'static str,
    /// A line of the list, and the one for those left out of it.
    line: &'static str,
    more: &'static str,
    last_day: &'static str,
    causes: Causes,
}

/// Why the pipeline stands still, a sentence each.
struct Causes {
    /// A part that does not answer.
    silent_part: &'static str,
    log_down: &'static str,
    no_sink: &'static str,
    /// So many messages are not folded.
    waiting: &'static str,
    /// For so many seconds nothing came.
    nothing: &'static str,
}

/// How many a list names.
const LISTED: usize = 10;

fn words(language: Language) -> &'static Words {
    match language {
        Language::En => &en::WORDS,
        Language::Fr => &fr::WORDS,
    }
}

/// A text that is no template, within one.
fn literal(text: &str) -> String {
    text.replace("{{", "{{ `{{` }}")
}

/// What a manager is told. `company` is what the company is called.
pub fn to_manager(news: News, language: Language, company: &str) -> Texts {
    let words = words(language);
    let top = top(words, company, news);
    Texts {
        title: format!("{top}{}", (words.title)(news)),
        summary: format!("{top}{}", (words.summary)(news)),
        description: format!("{top}{}", if news == News::Best { (words.summary)(news) } else { words.figures }),
        list: match news {
            News::Behind | News::Urgent => Some(list(words, "onpace:objective_behind", "")),
            News::Missed => Some(list(words, "onpace:objective_verdict_since", &format!("{STATE}=\"missed\","))),
            News::Met | News::Mended | News::Recovered | News::Best => None,
        },
    }
}

/// What a person is told of himself, in the tone of his style.
pub fn to_person(news: News, language: Language, style: Option<Style>) -> Texts {
    let words = words(language);
    let top = top(words, "", news);
    let (opening, closing) = style::tone(news, language, style);
    let middle = if news == News::Best { (words.summary)(news) } else { words.figures };
    Texts {
        title: format!("{top}{}", (words.title)(news)),
        summary: format!("{top}{opening}"),
        description: format!("{top}{opening}\n{middle}\n{closing}"),
        list: None,
    }
}

/// What every text needs: how things are written, what the KPI is called, who is meant, the figures.
fn top(words: &Words, company: &str, news: News) -> String {
    let code = words.code;
    let company = if company.is_empty() { words.company.to_owned() } else { company.to_owned() };
    let currency = if news == News::Best { "{{- $currency = .Labels.currency -}}" } else { "" };
    let mut top = format!(
        "{}\n{{{{- $kpi := $labels.kpi -}}}}{{{{- $unit := \"count\" -}}}}{{{{- $currency := \"\" -}}}}\n\
         {{{{- range query (printf \"onpace:kpi_about{{kpi=%q}}\" $labels.kpi) -}}}}\n\
         {{{{- $kpi = .Labels.{code} -}}}}{{{{- $unit = .Labels.unit -}}}}{currency}\n{{{{- end -}}}}\n\
         {{{{- $who := {} -}}}}\n\
         {{{{- if $labels.rep -}}}}\n{{{{- $who = $labels.rep -}}}}\n\
         {{{{- range query (printf \"{REP_INFO}{{rep=%q}}\" $labels.rep) -}}}}{{{{- $who = .Labels.display_name -}}}}{{{{- end -}}}}\n\
         {{{{- else if $labels.team -}}}}\n\
         {{{{- range query (printf \"onpace:team_manager{{team=%q}}\" $labels.team) -}}}}{{{{- $who = .Labels.name -}}}}{{{{- end -}}}}\n{{{{- end -}}}}\n",
        words.forms.trim_end(),
        string(&company),
    );
    if news != News::Best {
        top += &figures();
    }
    top
}

/// Asks for an objective's figures; what isn't known stays unknown.
fn figures() -> String {
    let figures = [
        (OBJECTIVE_TARGET, "{{- $target = .Value -}}"),
        (OBJECTIVE_ATTAINED, "{{- $attained = .Value -}}{{- $known = \"yes\" -}}"),
        (OBJECTIVE_EXPECTED, "{{- $expected = .Value -}}{{- $hasExpected = true -}}"),
        (OBJECTIVE_FORECAST, "{{- $forecast = .Value -}}{{- $hasForecast = true -}}"),
        (OBJECTIVE_CHANCE, "{{- $chance = .Value -}}{{- $hasChance = true -}}"),
        (OBJECTIVE_NEEDED, "{{- $needed = .Value -}}{{- $hasNeeded = true -}}"),
    ];
    let asked = figures.iter().map(|(metric, _)| *metric).chain([OBJECTIVE_LAST_DAY]);
    format!(
        r#"{{{{- $cycle := "" -}}}}{{{{- $direction := "" -}}}}{{{{- $objective := $labels.objective -}}}}
{{{{- range query (printf "{OBJECTIVE_INFO}{{objective=%q}}" $labels.objective) -}}}}
{{{{- if .Labels.display_name -}}}}{{{{- $objective = .Labels.display_name -}}}}{{{{- end -}}}}
{{{{- end -}}}}
{{{{- range query (printf "onpace:objective_about{{objective=%q}}" $labels.objective) -}}}}
{{{{- $currency = .Labels.currency -}}}}{{{{- $cycle = .Labels.cycle -}}}}{{{{- $direction = .Labels.direction -}}}}
{{{{- end -}}}}
{{{{- $attained := 0.0 -}}}}{{{{- $target := 0.0 -}}}}{{{{- $expected := 0.0 -}}}}{{{{- $forecast := 0.0 -}}}}{{{{- $chance := 0.0 -}}}}{{{{- $needed := 0.0 -}}}}{{{{- $day := 0.0 -}}}}
{{{{- $known := "" -}}}}{{{{- $hasExpected := false -}}}}{{{{- $hasForecast := false -}}}}{{{{- $hasChance := false -}}}}{{{{- $hasNeeded := false -}}}}
{{{{- range query (printf "last_over_time({{{asked},objective=%q,period=%q,rep=%q,team=%q}}[{RECENT}]) > -Inf" $labels.objective $labels.period $labels.rep $labels.team) -}}}}
{{{{- $name := .Labels.__name__ -}}}}
{{{{- {chosen}
{{{{- else -}}}}{{{{- $day = .Value -}}}}{{{{- end -}}}}
{{{{- end -}}}}
"#,
        asked = any_objective(asked),
        chosen = chosen(&figures),
    )
}

/// A matcher of any of these metrics of objectives, for a text in quotes.
fn any_objective(metrics: impl IntoIterator<Item = Metric>) -> String {
    const PREFIX: &str = "onpace_objective_";
    let rests: Vec<&str> = metrics.into_iter().map(|metric| metric.name.strip_prefix(PREFIX).unwrap_or(metric.name)).collect();
    format!("__name__=~\\\"{PREFIX}({})\\\"", rests.join("|"))
}

/// What to do by which metric `$name` is: `if … else if …`, without what opens it.
fn chosen(figures: &[(Metric, &str)]) -> String {
    let each = figures.iter().map(|(metric, then)| format!("if eq $name \"{metric}\" -}}}}{then}"));
    each.collect::<Vec<_>>().join("\n{{- else ")
}

/// The reps that a manager hears of together, worst first: Alertmanager can't sort. Those whose team is behind on the same KPI are left
/// to their team's alert.
fn list(words: &Words, record: &str, with: &str) -> String {
    let set = format!(
        "onpace:objective_lead{{objective=%q,period=%q}} and on ({ROW}) {record}{{{with}objective=%q,period=%q,manager=%q}} unless on (kpi, team) \
         ALERTS{{alertname=~\\\"ObjectiveBehind|ObjectiveBehindUrgent\\\",alertstate=\\\"firing\\\",scope=\\\"team\\\"}}",
        with = with.replace('"', "\\\"")
    );
    let five = "$labels.objective $labels.period $labels.objective $labels.period $labels.manager";
    let figures = [
        (OBJECTIVE_ATTAINED, "{{- $attained = .Value -}}"),
        (OBJECTIVE_TARGET, "{{- $target = .Value -}}"),
        (OBJECTIVE_EXPECTED, "{{- $expected = .Value -}}{{- $hasExpected = true -}}"),
        (OBJECTIVE_NEEDED, "{{- $needed = .Value -}}"),
    ];
    let asked = any_objective([OBJECTIVE_TARGET, OBJECTIVE_ATTAINED, OBJECTIVE_EXPECTED, OBJECTIVE_NEEDED, OBJECTIVE_LAST_DAY]);
    let facts = format!("last_over_time({{{asked},objective=%q,period=%q}}[{RECENT}]) > -Inf");
    format!(
        "{forms}\n{{{{- if eq $labels.scope \"rep\" -}}}}\n{{{{- $unit := \"count\" -}}}}{{{{- $currency := \"\" -}}}}{{{{- $direction := \"\" -}}}}{{{{- $day := 0.0 -}}}}\n\
         {{{{- range query (printf \"onpace:kpi_about{{kpi=%q}}\" $labels.kpi) -}}}}{{{{- $unit = .Labels.unit -}}}}{{{{- end -}}}}\n\
         {{{{- range query (printf \"onpace:objective_about{{objective=%q}}\" $labels.objective) -}}}}{{{{- $currency = .Labels.currency -}}}}{{{{- $direction = .Labels.direction -}}}}{{{{- end -}}}}\n\
         {{{{- $facts := query (printf \"{facts}\" $labels.objective $labels.period) -}}}}\n\
         {{{{- $names := query (printf \"max by (rep, display_name) ({REP_INFO}) and on (rep) onpace:objective_lead{{objective=%q,period=%q}}\" $labels.objective $labels.period) -}}}}\n\
         {{{{- range query (printf \"sort(bottomk({LISTED}, {set}))\" {five}) -}}}}\n\
         {{{{- $rep := .Labels.rep -}}}}{{{{- $team := .Labels.team -}}}}{{{{- $who := $rep -}}}}\n\
         {{{{- range $names -}}}}{{{{- if eq .Labels.rep $rep -}}}}{{{{- $who = .Labels.display_name -}}}}{{{{- end -}}}}{{{{- end -}}}}\n\
         {{{{- $attained := 0.0 -}}}}{{{{- $target := 0.0 -}}}}{{{{- $expected := 0.0 -}}}}{{{{- $hasExpected := false -}}}}{{{{- $needed := 0.0 -}}}}\n\
         {{{{- range $facts -}}}}{{{{- if and (eq .Labels.rep $rep) (eq .Labels.team $team) -}}}}\n\
         {{{{- $name := .Labels.__name__ -}}}}\n\
         {{{{- {chosen}\n\
         {{{{- else if gt .Value $day -}}}}{{{{- $day = .Value -}}}}{{{{- end -}}}}\n{{{{- end -}}}}{{{{- end -}}}}\n{line}\n{{{{ end -}}}}\n\
         {{{{- range query (printf \"count({set}) > {LISTED}\" {five}) -}}}}{more}\n{{{{ end -}}}}\n\
         {{{{- if gt $day 0.0 -}}}}{last_day}{{{{- end -}}}}\n{{{{- end -}}}}",
        forms = words.forms.trim_end(),
        chosen = chosen(&figures),
        line = words.line,
        more = words.more,
        last_day = words.last_day,
    )
}

/// When a list was rendered: of several, the latest is true.
pub const RENDERED_AT: &str = r#"{{ range query "vector(time())" }}{{ printf "%.0f" .Value }}{{ end }}"#;

/// What operations are told of the pipeline: `summary` and `description` of an alert, in the roster's language. That it stands still is told
/// with what Prometheus knows of the cause.
pub fn to_operations(alert: &str, language: Language) -> (&'static str, String) {
    let (summary, description) = match language {
        Language::En => en::pipeline(alert),
        Language::Fr => fr::pipeline(alert),
    };
    let causes = if alert == "OnpacePipelineDown" { causes(words(language)) } else { String::new() };
    (summary, causes + description)
}

/// What keeps the pipeline from moving, as far as it can be seen.
fn causes(words: &Words) -> String {
    let Causes { silent_part, log_down, no_sink, waiting, nothing } = &words.causes;
    let standing = format!("and on () min({PIPELINE_UP}) == 0");
    let seen = [
        (format!("{PARTS_UP} == 0"), silent_part),
        (format!("min({LOG_UP}) == 0"), log_down),
        (format!("absent({PIPELINE_UP}) unless on () count({PARTS_UP} == 0)"), no_sink),
        (format!("sum(max by (partition) ({PROCESSOR_LAG})) > 0 {standing}"), waiting),
        (format!("time() - max({DATA_AT}) > 60 {standing}"), nothing),
    ];
    seen.iter().map(|(query, text)| format!("{{{{ range query {} }}}}{text} {{{{ end }}}}", string(query))).collect()
}

/// What a KPI is called in a language: a name for the built-in ones in French, else its own with spaces.
pub fn kpi(name: &str, language: Language) -> String {
    match language {
        Language::Fr => fr::kpi(name).map_or_else(|| name.replace('_', " "), str::to_owned),
        Language::En => en::kpi(name).map_or_else(|| name.replace('_', " "), str::to_owned),
    }
}

/// An address on the web as an annotation.
pub fn address(url: &str) -> String {
    literal(url)
}
