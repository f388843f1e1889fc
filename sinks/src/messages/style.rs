//! The tone in which a person is spoken to, by his DISC style.
//!
//! In: what happened, a language, a style. Out: how a message begins and ends; the figures between are the same for all.
//! Never here: blame, exclamation where the news is bad, figures.

use onpace_kpis::roster::{Language, Style};

use super::News;

/// The opening and the closing of a person's message. Who has no style is spoken to plainly.
pub fn tone(news: News, language: Language, style: Option<Style>) -> (&'static str, &'static str) {
    match language {
        Language::En => english(news, style),
        Language::Fr => french(news, style),
    }
}

fn english(news: News, style: Option<Style>) -> (&'static str, &'static str) {
    match (news, style) {
        (News::Behind | News::Urgent, style) => match style {
            Some(Style::Dominant) => ("You are behind on {{ $kpi }}.", "Decide today what goes first, and win it back."),
            Some(Style::Influent) => ("Your energy is needed on {{ $kpi }}.", "Whom could you talk to today? Tell the others how it goes."),
            Some(Style::Steady) => (
                "A word about {{ $kpi }}: a little behind for now.",
                "A little every day is enough. If something stands in the way, your manager will help.",
            ),
            Some(Style::Conscientious) => ("The figures for {{ $kpi }} are below plan.", "How each comes about is on the dashboard."),
            None => ("You are behind on {{ $kpi }}.", "The dashboard shows where."),
        },
        (News::Missed, style) => match style {
            Some(Style::Dominant) => ("Objective missed: {{ $kpi }}.", "The next period is yours to win."),
            Some(Style::Influent) => ("It did not work out this time: {{ $kpi }}.", "Talk it over with the team: what will you try next?"),
            Some(Style::Steady) => ("The objective for {{ $kpi }} was not reached.", "Take the time to look at it with your manager."),
            Some(Style::Conscientious) => {
                ("The objective for {{ $kpi }} was missed.", "The events behind the figures are on the dashboard.")
            }
            None => ("The objective for {{ $kpi }} was missed.", "The dashboard shows how."),
        },
        (News::Met | News::Mended | News::Recovered, style) => match style {
            Some(Style::Dominant) => ("Objective met: {{ $kpi }}.", "Done. What is next?"),
            Some(Style::Influent) => ("Bravo, you did it: {{ $kpi }}!", "That deserves to be told."),
            Some(Style::Steady) => ("Well done: the objective for {{ $kpi }} is met.", "Thank you: the team can count on you."),
            Some(Style::Conscientious) => ("The objective for {{ $kpi }} is met.", "Precise work pays; the figures are on the dashboard."),
            None => ("The objective for {{ $kpi }} is met.", "Well done."),
        },
        (News::Best, style) => match style {
            Some(Style::Dominant) => ("Your record: {{ $kpi }}.", "Beat it."),
            Some(Style::Influent) => ("A personal best, bravo: {{ $kpi }}!", "Share how you did it."),
            Some(Style::Steady) => ("Your best yet: {{ $kpi }}.", "Steady work shows. Thank you."),
            Some(Style::Conscientious) => ("Above each of your earlier figures: {{ $kpi }}.", "The earlier ones are on the dashboard."),
            None => ("A personal best: {{ $kpi }}.", "Well done."),
        },
    }
}

fn french(news: News, style: Option<Style>) -> (&'static str, &'static str) {
    match (news, style) {
        (News::Behind | News::Urgent, style) => match style {
            Some(Style::Dominant) => {
                ("Vous êtes en retard : {{ $kpi }}.", "Décidez aujourd'hui de ce qui passe en premier, et reprenez l'avantage.")
            }
            Some(Style::Influent) => {
                ("On a besoin de votre énergie : {{ $kpi }}.", "À qui pourriez-vous parler aujourd'hui ? Racontez-le aux autres.")
            }
            Some(Style::Steady) => (
                "Un mot sur un léger retard : {{ $kpi }}.",
                "Un peu chaque jour suffit. Si quelque chose vous gêne, votre responsable vous aidera.",
            ),
            Some(Style::Conscientious) => {
                ("Les chiffres sont sous le plan : {{ $kpi }}.", "Le détail de chaque chiffre est sur le tableau de bord.")
            }
            None => ("Vous êtes en retard : {{ $kpi }}.", "Le tableau de bord montre où."),
        },
        (News::Missed, style) => match style {
            Some(Style::Dominant) => ("Objectif manqué : {{ $kpi }}.", "La prochaine période est à gagner."),
            Some(Style::Influent) => ("Ce n'est pas passé cette fois : {{ $kpi }}.", "Parlez-en à l'équipe : qu'essayer maintenant ?"),
            Some(Style::Steady) => ("L'objectif n'a pas été atteint : {{ $kpi }}.", "Prenez le temps d'en parler avec votre responsable."),
            Some(Style::Conscientious) => {
                ("Objectif manqué : {{ $kpi }}.", "Les événements derrière les chiffres sont sur le tableau de bord.")
            }
            None => ("L'objectif est manqué : {{ $kpi }}.", "Le tableau de bord montre comment."),
        },
        (News::Met | News::Mended | News::Recovered, style) => match style {
            Some(Style::Dominant) => ("Objectif atteint : {{ $kpi }}.", "C'est fait. Et la suite ?"),
            Some(Style::Influent) => ("Bravo, vous l'avez fait : {{ $kpi }} !", "Cela mérite d'être raconté."),
            Some(Style::Steady) => ("Bien joué, l'objectif est atteint : {{ $kpi }}.", "Merci : l'équipe peut compter sur vous."),
            Some(Style::Conscientious) => ("Objectif atteint : {{ $kpi }}.", "La rigueur paie ; les chiffres sont sur le tableau de bord."),
            None => ("L'objectif est atteint : {{ $kpi }}.", "Bravo."),
        },
        (News::Best, style) => match style {
            Some(Style::Dominant) => ("Votre record : {{ $kpi }}.", "À battre."),
            Some(Style::Influent) => ("Record personnel, bravo : {{ $kpi }} !", "Racontez comment vous avez fait."),
            Some(Style::Steady) => ("Votre meilleur résultat : {{ $kpi }}.", "Le travail régulier se voit. Merci."),
            Some(Style::Conscientious) => {
                ("Au-dessus de chacun de vos chiffres précédents : {{ $kpi }}.", "Les précédents sont sur le tableau de bord.")
            }
            None => ("Record personnel : {{ $kpi }}.", "Bravo."),
        },
    }
}
