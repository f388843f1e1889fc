//! What several lists of a roster say alike: ids, languages, where somebody is reached.
//!
//! In: the fields of an entry. Out: what they say, or the mistake with its line and cure. Never here: which lists there are.

use hashbrown::HashMap;
use onpace_schemas::MAX_TEXT_BYTES;

use super::{Address, Language};
use crate::Mistake;
use onpace_schemas::yaml::{Fields, Text, hint};

/// What languages are called.
pub(super) const LANGUAGES: [(&str, Language); 2] = [(Language::En.name(), Language::En), (Language::Fr.name(), Language::Fr)];

/// The keys that say where somebody is reached.
pub(super) const ADDRESS_KEYS: [&str; 6] = ["email", "webhook", "webhook_file", "credentials_file", "slack_file", "slack_channel"];

/// The language of an entry, or the one of whoever says none.
pub(super) fn language(fields: &Fields<'_>, other: Language) -> Result<Language, Mistake> {
    Ok(fields.text("language")?.map(|text| text.one_of("language", &LANGUAGES)).transpose()?.unwrap_or(other))
}

/// Where somebody is reached.
pub(super) fn address(fields: &Fields<'_>) -> Result<Address, Mistake> {
    let email = fields.text("email")?;
    if let Some(email) = email {
        refuse_no_email(email)?;
    }
    let (webhook, webhook_file) = (fields.text("webhook")?, fields.text("webhook_file")?);
    if let Some(webhook) = webhook
        && !["http://", "https://"].iter().any(|scheme| webhook.text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
    {
        return Err(webhook.mistake(format!("`{}` is no webhook; it begins with https:// or http://", webhook.text)));
    }
    if let (Some(webhook), Some(file)) = (webhook, webhook_file) {
        let (first, second) = (webhook.line.min(file.line), webhook.line.max(file.line));
        return Err(Mistake::at(
            second,
            format!("there is a `webhook` and a `webhook_file` (lines {first} and {second}); keep one of the two"),
        ));
    }
    if let Some(credentials) = fields.text("credentials_file")?
        && webhook.or(webhook_file).is_none()
    {
        return Err(credentials.mistake("`credentials_file` is for a webhook; write `webhook` or `webhook_file` too"));
    }
    if let Some(channel) = fields.text("slack_channel")?
        && fields.get("slack_file").is_none()
    {
        return Err(channel.mistake("`slack_channel` needs `slack_file`, the file that holds the address of Slack's webhook"));
    }
    Ok(Address {
        email: email.map(|email| email.text.to_owned()),
        webhook: webhook.map(|webhook| webhook.text.to_owned()),
        webhook_file: fields.owned("webhook_file")?,
        credentials_file: fields.owned("credentials_file")?,
        slack_file: fields.owned("slack_file")?,
        slack_channel: fields.owned("slack_channel")?,
    })
}

/// Refuses what is no address of e-mail.
pub(super) fn refuse_no_email(text: Text<'_>) -> Result<(), Mistake> {
    let parts = text.text.rsplit_once('@');
    match parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty()) {
        true => Ok(()),
        false => Err(text.mistake(format!("`{}` is no e-mail address; write one such as luc@acme.fr", text.text))),
    }
}

/// The `id` of an entry.
pub(super) fn id<'a>(fields: &Fields<'a>) -> Result<Text<'a>, Mistake> {
    let id = fields.needed("id", "a short name of its own")?;
    if id.text != id.text.trim() {
        return Err(id.mistake(format!("the id `{}` begins or ends with a space; take it out", id.text)));
    }
    refuse_long(id)?;
    Ok(id)
}

/// Refuses a name that is longer than any that events can hold.
pub(super) fn refuse_long(name: Text<'_>) -> Result<(), Mistake> {
    match name.text.len() > MAX_TEXT_BYTES {
        true => Err(name.mistake(format!("this name has {} bytes; at most {MAX_TEXT_BYTES} are taken", name.text.len()))),
        false => Ok(()),
    }
}

/// The ids of a list: the place of each in it, and its line.
pub(super) struct Ids<'a> {
    what: &'static str,
    places: HashMap<&'a str, (usize, usize)>,
}

impl<'a> Ids<'a> {
    pub(super) fn new(what: &'static str) -> Ids<'a> {
        Ids { what, places: HashMap::new() }
    }

    /// Adds the next id.
    pub(super) fn add(&mut self, id: Text<'a>) -> Result<(), Mistake> {
        if let Some((_, line)) = self.places.get(id.text) {
            return Err(
                id.mistake(format!("`{}` is the id of a {} here and on line {line}; choose another for one of them", id.text, self.what))
            );
        }
        self.places.insert(id.text, (self.places.len(), id.line));
        Ok(())
    }

    /// The place of an id.
    pub(super) fn find(&self, id: Text<'_>) -> Result<usize, Mistake> {
        self.places.get(id.text).map(|(place, _)| *place).ok_or_else(|| {
            let mut known: Vec<&str> = self.places.keys().copied().collect();
            known.sort_unstable();
            let otherwise = format!("add it to the list of {}", if self.what == "team" { "teams" } else { "managers" });
            id.mistake(format!("there is no {} `{}`{}", self.what, id.text, hint(id.text, known.into_iter(), &otherwise)))
        })
    }
}
