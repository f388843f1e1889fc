//! English: pieces of templates.

use super::{Causes, News, Words};

pub const WORDS: Words = Words {
    code: "en",
    forms: FORMS,
    company: "the company",
    title,
    summary,
    figures: FIGURES,
    line: r#"- {{ $who }}: {{ template "far" (args $attained $target $expected $hasExpected $unit $currency $direction) }}{{ if gt $needed 0.0 }}; {{ template "value" (args $needed $unit $currency) }} a day needed{{ end }}"#,
    more: r#"- and others: {{ template "number" .Value }} in all"#,
    last_day: r#"Last day: {{ template "date" $day }}."#,
    causes: Causes {
        silent_part: "{{ .Labels.job }} at {{ .Labels.instance }} does not answer.",
        log_down: "The log takes no events: look at Kafka.",
        no_sink: "No sink says how far it is.",
        waiting: r#"{{ printf "%.0f" .Value }} messages of the log wait to be counted: look at the processors."#,
        nothing: "Nothing has come through for {{ humanizeDuration .Value }}, not even a heartbeat.",
    },
};

/// 1,234.5 · €1,234.50 · 35% · 3 h 25 min · Sunday 29 November 2026
const FORMS: &str = r#"{{- define "grouped" -}}{{ reReplaceAll `^(-?\d+)(\d{3})` `${1},${2}` (reReplaceAll `^(-?\d+)(\d{3})` `${1},${2}` (reReplaceAll `^(-?\d+)(\d{3})` `${1},${2}` (reReplaceAll `^(-?\d+)(\d{3})` `${1},${2}` .))) }}{{- end -}}
{{- define "number" -}}{{ template "grouped" (reReplaceAll `\.0$` `` (printf "%.1f" .)) }}{{- end -}}
{{- define "money" -}}{{ if eq .arg2 "EUR" }}€{{ else if eq .arg2 "USD" }}${{ else if eq .arg2 "GBP" }}£{{ else }}{{ .arg2 }} {{ end }}{{ template "grouped" (reReplaceAll `\.00$` `` (printf "%.2f" .arg0)) }}{{- end -}}
{{- define "percent" -}}{{ reReplaceAll `^(-?\d+(\.\d)?)\d*%$` `${1}%` (humanizePercentage .) }}{{- end -}}
{{- define "chance" -}}{{ reReplaceAll `^0%$` `under 1%` (reReplaceAll `^(\d+)[^%]*%$` `${1}%` (reReplaceAll `^.*e-\d+%$` `0%` (humanizePercentage .))) }}{{- end -}}
{{- define "days" -}}{{ reReplaceAll `^1 days` `1 day` (reReplaceAll ` 0 h$` `` (reReplaceAll `^(\d+)d (\d+)h .*$` `$1 days $2 h` (reReplaceAll `^(\d+)h .*$` `$1 h` (humanizeDuration (printf "%.0f" .))))) }}{{- end -}}
{{- define "duration" -}}{{ reReplaceAll `(\d)d` `$1 d` (reReplaceAll `(\d)h` `$1 h` (reReplaceAll `(\d)m` `$1 min` (reReplaceAll `(\d)s` `$1 s` (reReplaceAll ` 0s$` `` (humanizeDuration (printf "%.0f" .)))))) }}{{- end -}}
{{- define "value" -}}{{ if eq .arg1 "money" }}{{ template "money" . }}{{ else if eq .arg1 "money per day" }}{{ template "money" . }} a day{{ else if eq .arg1 "ratio" }}{{ template "percent" .arg0 }}{{ else if eq .arg1 "seconds" }}{{ template "duration" .arg0 }}{{ else if eq .arg1 "days" }}{{ template "days" .arg0 }}{{ else }}{{ template "number" .arg0 }}{{ end }}{{- end -}}
{{- define "far" -}}{{ template "value" (args .arg0 .arg4 .arg5) }}{{ if eq .arg6 "at_most" }}, at most {{ template "value" (args .arg1 .arg4 .arg5) }} allowed{{ else if or (eq .arg4 "ratio") (eq .arg4 "days") (eq .arg4 "money per day") }}, at least {{ template "value" (args .arg1 .arg4 .arg5) }} wanted{{ else }} of {{ template "value" (args .arg1 .arg4 .arg5) }}{{ end }}{{ if and .arg3 (ne .arg2 .arg1) }}, {{ template "value" (args .arg2 .arg4 .arg5) }} expected by now{{ end }}{{- end -}}
{{- define "date" -}}{{ (toTime .).Format "Monday 2 January 2006" }}{{- end -}}
{{- define "period" -}}{{ if ne .arg0 "once" }}{{ .arg0 }} {{ end }}from {{ .arg1 }}{{- end -}}
"#;

/// How far, by when, at this pace, needed a day.
const FIGURES: &str = r#"{{ $who }}: {{ $kpi }}{{ if $known }} {{ template "far" (args $attained $target $expected $hasExpected $unit $currency $direction) }}{{ end }}.{{ if gt $day 0.0 }} Last day: {{ template "date" $day }}.{{ end }}{{ if $hasForecast }} At this pace: {{ template "value" (args $forecast $unit $currency) }} at the end{{ if $hasChance }} (chance of making it: {{ template "chance" $chance }}){{ end }}.{{ end }}{{ if $hasNeeded }} Needed from now on: {{ template "value" (args $needed $unit $currency) }} a day.{{ end }}"#;

fn title(news: News) -> &'static str {
    match news {
        News::Behind | News::Urgent => r#"Behind: {{ $kpi }}, {{ template "period" (args $cycle $labels.period) }} ({{ $objective }})"#,
        News::Missed => r#"Missed: {{ $kpi }}, {{ template "period" (args $cycle $labels.period) }} ({{ $objective }})"#,
        News::Met => r#"Met: {{ $kpi }}, {{ template "period" (args $cycle $labels.period) }} ({{ $objective }})"#,
        News::Mended => r#"No longer missed: {{ $kpi }}, {{ template "period" (args $cycle $labels.period) }} ({{ $objective }})"#,
        News::Recovered => r#"On pace again: {{ $kpi }}, {{ template "period" (args $cycle $labels.period) }} ({{ $objective }})"#,
        News::Best => "Personal best: {{ $kpi }}",
    }
}

fn summary(news: News) -> &'static str {
    match news {
        News::Behind => "{{ $who }} is behind on {{ $kpi }}",
        News::Urgent => "{{ $who }} is behind on {{ $kpi }}, with little time or chance left: act today",
        News::Missed => "{{ $who }} missed the objective for {{ $kpi }}",
        News::Met => "{{ $who }} met the objective for {{ $kpi }}: a good moment to say so",
        News::Mended => "{{ $who }} did not miss the objective for {{ $kpi }} after all: a late event counts",
        News::Recovered => "{{ $who }} is on pace again on {{ $kpi }}",
        News::Best => {
            r#"{{ $who }}: {{ $kpi }} {{ template "value" (args $value $unit $currency) }} in a {{ $labels.span }}, more than ever before"#
        }
    }
}

/// What operations are told.
pub fn pipeline(alert: &str) -> (&'static str, &'static str) {
    match alert {
        "OnpaceStoreDown" => (
            "The store does not answer",
            "No KPI is shown and no objective is judged. Nothing is lost: look at Redis; once it answers, the numbers come back by themselves.",
        ),
        "OnpaceLogReplaced" => (
            "Partition {{ $labels.partition }} of the log is not the one that was counted",
            "It was emptied, made anew or put back from an older copy, or the processors are given the wrong one. No KPI is shown and no objective is judged until that is decided. `onpace check` says what is there: put back or name the right log, and all goes on by itself; to take this one as it is, run `onpace rebuild`.",
        ),
        "OnpaceLogFoldedAnew" => (
            "Partition {{ $labels.partition }} of the log was replaced by another, and is counted anew",
            "It holds no less than what was counted, so its numbers are now those of the log as it is. Was it meant to be another? If not, put back the right one: it is counted anew in the same way.",
        ),
        "OnpaceProcessorOutdated" => (
            "Partition {{ $labels.partition }} waits for newer processors",
            "Something newer than the processors writes to the log, and they do not know its schema yet. What it wrote is kept and counted once they are upgraded; until then that partition's numbers stand still, and alerts about objectives are withheld. `/readyz` of the processor says which message. Upgrade processors and sinks first, then what writes.",
        ),
        "OnpaceStoreDamaged" => (
            "Partition {{ $labels.partition }} of the store was damaged",
            "What is stored of it is not what was written. It is folded anew from the log, and its numbers are shown again once that is done. The processor's log says what was damaged: does Redis throw keys away for want of memory, does something else write there, does the disk fail?",
        ),
        "OnpacePipelineDown" => {
            ("The pipeline stands still", "Alerts about objectives are withheld until it moves again; what is true then is sent.")
        }
        "OnpaceSourceSilent" => (
            "{{ $labels.source }} is silent",
            "{{ if $labels.kind }}{{ $labels.source }}, which feeds {{ $labels.kind }}s, has recorded nothing for longer than its max_silence of working time. Alerts about objectives that it feeds are withheld.{{ else }}{{ $labels.source }} was never heard of: connect it, or give it in the roster the name that its events have in `source`. No alert is withheld.{{ end }}",
        ),
        "OnpaceObjectiveAbsent" => (
            "Objective {{ $labels.objective }} is not evaluated",
            "The rules know it, the sink doesn't: start the sink with the objectives that these rules were written from.",
        ),
        "OnpaceMetricsIncomplete" => (
            "Prometheus does not get every KPI",
            "/metrics would have more series than --metric-series allows: whole windows, then whole metrics are missing. `/readyz` and `onpace check` name them. Sums over what is there are right. Raise --metric-series, or name fewer windows by --metric-windows.",
        ),
        "OnpaceRulesOutdated" => (
            "Objective {{ $labels.objective }} has no rules",
            "The sink knows it, the rules don't: run `onpace rules` again and reload Prometheus and Alertmanager.",
        ),
        _ => ("Alerts arrive", "This one always fires. Where it stops arriving, alerts don't arrive either."),
    }
}

/// Names that read badly when only the underscores are taken out.
pub fn kpi(name: &str) -> Option<&'static str> {
    Some(match name {
        "talk_time_s" => "talk time",
        "meetings_no_show" => "no-shows",
        "no_show_rate" => "no-show rate",
        "deals_won_valued" => "deals won with an amount",
        "revenue_won" => "revenue",
        "revenue_lost" => "lost revenue",
        "sales_cycle_days" => "sales cycle (median)",
        "sales_cycle_days_p90" => "sales cycle (slowest tenth)",
        _ => return None,
    })
}
