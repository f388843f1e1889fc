//! French: pieces of templates.

use super::{Causes, News, Words};

pub const WORDS: Words = Words {
    code: "fr",
    forms: FORMS,
    company: "l'entreprise",
    title,
    summary,
    figures: FIGURES,
    line: r#"- {{ $who }} : {{ template "far" (args $attained $target $expected $hasExpected $unit $currency $direction) }}{{ if gt $needed 0.0 }} ; il faut {{ template "value" (args $needed $unit $currency) }} par jour{{ end }}"#,
    more: r#"- et d'autres : {{ template "number" .Value }} en tout"#,
    last_day: r#"Dernier jour : {{ template "date" $day }}."#,
    causes: Causes {
        silent_part: "{{ .Labels.job }} ({{ .Labels.instance }}) ne répond pas.",
        log_down: "Le journal ne prend plus d'événements : voyez Kafka.",
        no_sink: "Aucun service de lecture ne dit où il en est.",
        waiting: r#"{{ printf "%.0f" .Value }} messages du journal attendent d'être comptés : voyez les processeurs."#,
        nothing: "Rien n'est passé depuis {{ humanizeDuration .Value }}, pas même un battement.",
    },
};

/// 1 234,5 · 1 234,50 € · 35 % · 3 h 25 min · 29/11/2026; the spaces are narrow and don't break.
const FORMS: &str = r#"{{- define "grouped" -}}{{ reReplaceAll `\.` `,` (reReplaceAll `^(-?\d+)(\d{3})` `${1} ${2}` (reReplaceAll `^(-?\d+)(\d{3})` `${1} ${2}` (reReplaceAll `^(-?\d+)(\d{3})` `${1} ${2}` (reReplaceAll `^(-?\d+)(\d{3})` `${1} ${2}` .)))) }}{{- end -}}
{{- define "number" -}}{{ template "grouped" (reReplaceAll `\.0$` `` (printf "%.1f" .)) }}{{- end -}}
{{- define "money" -}}{{ template "grouped" (reReplaceAll `\.00$` `` (printf "%.2f" .arg0)) }} {{ if eq .arg2 "EUR" }}€{{ else if eq .arg2 "USD" }}${{ else if eq .arg2 "GBP" }}£{{ else }}{{ .arg2 }}{{ end }}{{- end -}}
{{- define "percent" -}}{{ reReplaceAll `\.` `,` (reReplaceAll `%$` ` %` (reReplaceAll `^(-?\d+(\.\d)?)\d*%$` `${1}%` (humanizePercentage .))) }}{{- end -}}
{{- define "chance" -}}{{ reReplaceAll `^0%$` `moins de 1%` (reReplaceAll `^(\d+)[^%]*%$` `${1}%` (reReplaceAll `^.*e-\d+%$` `0%` (humanizePercentage .))) | reReplaceAll `%$` ` %` }}{{- end -}}
{{- define "days" -}}{{ reReplaceAll `^1 jours` `1 jour` (reReplaceAll ` 0 h$` `` (reReplaceAll `^(\d+)d (\d+)h .*$` `${1} jours ${2} h` (reReplaceAll `^(\d+)h .*$` `${1} h` (humanizeDuration (printf "%.0f" .))))) }}{{- end -}}
{{- define "duration" -}}{{ reReplaceAll `(\d)d` `$1 j` (reReplaceAll `(\d)h` `$1 h` (reReplaceAll `(\d)m` `$1 min` (reReplaceAll `(\d)s` `$1 s` (reReplaceAll ` 0s$` `` (humanizeDuration (printf "%.0f" .)))))) }}{{- end -}}
{{- define "value" -}}{{ if eq .arg1 "money" }}{{ template "money" . }}{{ else if eq .arg1 "money per day" }}{{ template "money" . }} par jour{{ else if eq .arg1 "ratio" }}{{ template "percent" .arg0 }}{{ else if eq .arg1 "seconds" }}{{ template "duration" .arg0 }}{{ else if eq .arg1 "days" }}{{ template "days" .arg0 }}{{ else }}{{ template "number" .arg0 }}{{ end }}{{- end -}}
{{- define "far" -}}{{ template "value" (args .arg0 .arg4 .arg5) }}{{ if eq .arg6 "at_most" }} pour {{ template "value" (args .arg1 .arg4 .arg5) }} au plus{{ else if or (eq .arg4 "ratio") (eq .arg4 "days") (eq .arg4 "money per day") }} pour au moins {{ template "value" (args .arg1 .arg4 .arg5) }}{{ else }} sur {{ template "value" (args .arg1 .arg4 .arg5) }}{{ end }}{{ if and .arg3 (ne .arg2 .arg1) }} (attendu à ce jour : {{ template "value" (args .arg2 .arg4 .arg5) }}){{ end }}{{- end -}}
{{- define "date" -}}{{ (toTime .).Format "02/01/2006" }}{{- end -}}
{{- define "period" -}}{{ if eq .arg0 "day" }}journée du {{ else if eq .arg0 "week" }}semaine du {{ else if eq .arg0 "month" }}mois du {{ else if eq .arg0 "quarter" }}trimestre du {{ else if eq .arg0 "year" }}année du {{ else }}à partir du {{ end }}{{ reReplaceAll `^(\d+)-(\d+)-(\d+)$` `$3/$2/$1` .arg1 }}{{- end -}}
"#;

/// How far, by when, at this pace, needed a day.
const FIGURES: &str = r#"{{ $who }} : {{ $kpi }}{{ if $known }}, {{ template "far" (args $attained $target $expected $hasExpected $unit $currency $direction) }}{{ end }}.{{ if gt $day 0.0 }} Dernier jour : {{ template "date" $day }}.{{ end }}{{ if $hasForecast }} À ce rythme, {{ template "value" (args $forecast $unit $currency) }} à la fin{{ if $hasChance }} (chances d'y arriver : {{ template "chance" $chance }}){{ end }}.{{ end }}{{ if $hasNeeded }} Il faut désormais {{ template "value" (args $needed $unit $currency) }} par jour.{{ end }}"#;

fn title(news: News) -> &'static str {
    match news {
        News::Behind | News::Urgent => r#"En retard : {{ $kpi }}, {{ template "period" (args $cycle $labels.period) }} ({{ $objective }})"#,
        News::Missed => r#"Manqué : {{ $kpi }}, {{ template "period" (args $cycle $labels.period) }} ({{ $objective }})"#,
        News::Met => r#"Atteint : {{ $kpi }}, {{ template "period" (args $cycle $labels.period) }} ({{ $objective }})"#,
        News::Mended => r#"Finalement pas manqué : {{ $kpi }}, {{ template "period" (args $cycle $labels.period) }} ({{ $objective }})"#,
        News::Recovered => {
            r#"De nouveau dans le rythme : {{ $kpi }}, {{ template "period" (args $cycle $labels.period) }} ({{ $objective }})"#
        }
        News::Best => "Record personnel : {{ $kpi }}",
    }
}

fn summary(news: News) -> &'static str {
    match news {
        News::Behind => "{{ $who }} est en retard : {{ $kpi }}",
        News::Urgent => "{{ $who }} est en retard : {{ $kpi }}, et il reste peu de temps ou d'espoir : agir aujourd'hui",
        News::Missed => "{{ $who }} a manqué l'objectif : {{ $kpi }}",
        News::Met => "{{ $who }} a atteint l'objectif : {{ $kpi }}. C'est le moment de le dire.",
        News::Mended => "{{ $who }} n'a finalement pas manqué l'objectif : {{ $kpi }} ; un événement tardif compte",
        News::Recovered => "{{ $who }} est de nouveau dans le rythme : {{ $kpi }}",
        News::Best => {
            r#"{{ $who }} : {{ $kpi }}, {{ template "value" (args $value $unit $currency) }} en {{ if eq $labels.span "day" }}un jour{{ else }}une semaine{{ end }}, plus que jamais"#
        }
    }
}

/// What operations are told.
pub fn pipeline(alert: &str) -> (&'static str, &'static str) {
    match alert {
        "OnpaceStoreDown" => (
            "La base des indicateurs ne répond pas",
            "Aucun indicateur n'est montré, aucun objectif jugé. Rien n'est perdu : voyez Redis ; dès qu'il répond, les chiffres reviennent d'eux-mêmes.",
        ),
        "OnpaceLogReplaced" => (
            "La partition {{ $labels.partition }} du journal n'est pas celle qui a été comptée",
            "Elle a été vidée, recréée ou restaurée d'une copie plus ancienne, ou les processeurs en lisent une autre. Aucun indicateur n'est montré, aucun objectif jugé tant que ce n'est pas tranché. `onpace check` dit ce qu'il en est : restaurez ou indiquez le bon journal, et tout reprend de soi-même ; pour prendre celui-ci tel qu'il est, lancez `onpace rebuild`.",
        ),
        "OnpaceLogFoldedAnew" => (
            "La partition {{ $labels.partition }} du journal a été remplacée par une autre, et recomptée",
            "Elle ne contient pas moins que ce qui avait été compté : ses chiffres sont désormais ceux du journal tel qu'il est. Était-ce voulu ? Sinon, restaurez le bon : il sera recompté de la même façon.",
        ),
        "OnpaceProcessorOutdated" => (
            "La partition {{ $labels.partition }} attend des processeurs plus récents",
            "Un programme plus récent que les processeurs écrit dans le journal, et ils ne connaissent pas encore son schéma. Ce qu'il a écrit est gardé et sera compté dès leur mise à jour ; d'ici là les chiffres de cette partition n'avancent plus, et les alertes d'objectifs sont retenues. Le `/readyz` du processeur dit de quel message il s'agit. Mettez à jour d'abord processeurs et service, ensuite ce qui écrit.",
        ),
        "OnpaceStoreDamaged" => (
            "La partition {{ $labels.partition }} de la base des indicateurs était endommagée",
            "Ce qui en est conservé n'est pas ce qui avait été écrit. Elle est recalculée depuis le journal, et ses chiffres reviennent dès que c'est fait. Le journal d'exécution du processeur dit ce qui était endommagé : Redis efface-t-il des clés faute de mémoire, un autre programme y écrit-il, le disque est-il défaillant ?",
        ),
        "OnpacePipelineDown" => (
            "La chaîne de traitement est arrêtée",
            "Les alertes d'objectifs sont retenues jusqu'à la reprise ; ce qui sera vrai alors sera envoyé.",
        ),
        "OnpaceSourceSilent" => (
            "{{ $labels.source }} se tait",
            "{{ if $labels.kind }}{{ $labels.source }}, qui alimente {{ $labels.kind }}, n'a rien enregistré depuis plus que son max_silence de temps ouvré. Les alertes des objectifs qui en dépendent sont retenues.{{ else }}{{ $labels.source }} n'a jamais été entendue : raccordez-la, ou donnez-lui dans le roster le nom que ses événements ont dans `source`. Aucune alerte n'est retenue.{{ end }}",
        ),
        "OnpaceObjectiveAbsent" => (
            "L'objectif {{ $labels.objective }} n'est pas évalué",
            "Les règles le connaissent, le service ne le connaît pas : lancez-le avec les objectifs dont viennent ces règles.",
        ),
        "OnpaceMetricsIncomplete" => (
            "Prometheus ne reçoit pas tous les indicateurs",
            "/metrics aurait plus de séries que --metric-series n'en permet : des périodes entières, puis des métriques entières manquent. `/readyz` et `onpace check` les nomment. Les sommes de ce qui y est sont justes. Augmentez --metric-series, ou nommez moins de périodes avec --metric-windows.",
        ),
        "OnpaceRulesOutdated" => (
            "L'objectif {{ $labels.objective }} n'a pas de règles",
            "Le service le connaît, les règles ne le connaissent pas : relancez `onpace rules`, puis rechargez Prometheus et Alertmanager.",
        ),
        _ => ("Les alertes arrivent", "Celle-ci est toujours active. Si elle n'arrive plus, aucune alerte n'arrive."),
    }
}

/// The built-in KPIs.
pub fn kpi(name: &str) -> Option<&'static str> {
    Some(match name {
        "calls_made" => "appels passés",
        "prospecting_calls" => "appels de prospection",
        "calls_connected" => "appels aboutis",
        "calls_received" => "appels reçus",
        "talk_time_s" => "temps de conversation",
        "meetings_booked" => "rendez-vous pris",
        "meetings_held" => "rendez-vous tenus",
        "meetings_no_show" => "rendez-vous non honorés",
        "meetings_cancelled" => "rendez-vous annulés",
        "emails_sent" => "e-mails envoyés",
        "emails_delivered" => "e-mails délivrés",
        "emails_opened" => "e-mails ouverts",
        "emails_machine_opened" => "e-mails ouverts par une machine",
        "emails_clicked" => "e-mails cliqués",
        "emails_replied" => "e-mails avec réponse",
        "emails_received" => "e-mails reçus",
        "deals_created" => "affaires créées",
        "deals_won" => "affaires gagnées",
        "deals_lost" => "affaires perdues",
        "deals_won_valued" => "affaires gagnées avec montant",
        "revenue_won" => "chiffre d'affaires",
        "revenue_lost" => "chiffre d'affaires perdu",
        "open_deals" => "affaires ouvertes",
        "open_pipeline" => "montant des affaires ouvertes",
        "connect_rate" => "taux d'appels aboutis",
        "no_show_rate" => "taux d'absence aux rendez-vous",
        "open_rate" => "taux d'ouverture",
        "click_rate" => "taux de clic",
        "reply_rate" => "taux de réponse",
        "bounce_rate" => "taux de rejet",
        "win_rate" => "taux de réussite",
        "win_rate_by_value" => "taux de réussite en valeur",
        "average_deal" => "affaire moyenne",
        "sales_cycle_days" => "cycle de vente (médiane)",
        "sales_cycle_days_p90" => "cycle de vente (dernier dixième)",
        "sales_velocity" => "vélocité des ventes",
        _ => return None,
    })
}
