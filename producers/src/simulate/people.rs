//! Who is on the floor and whom they sell to: names, all invented, French and English.
//!
//! In: chance, numbers. Out: names; no two reps have the same.

use rand::RngExt;
use rand::rngs::StdRng;

const FIRST: [&str; 56] = [
    "Camille",
    "Oliver",
    "Inès",
    "Harriet",
    "Théo",
    "Amelia",
    "Margaux",
    "George",
    "Yasmine",
    "Freya",
    "Lucas",
    "Isla",
    "Élodie",
    "Arthur",
    "Maëlle",
    "Poppy",
    "Hugo",
    "Nora",
    "Zoé",
    "Edward",
    "Jules",
    "Priya",
    "Anaïs",
    "Callum",
    "Léon",
    "Grace",
    "Agathe",
    "Rhys",
    "Bastien",
    "Imogen",
    "Fatou",
    "Kieran",
    "Clémence",
    "Owen",
    "Romane",
    "Saskia",
    "Gabriel",
    "Tessa",
    "Noémie",
    "Duncan",
    "Adèle",
    "Farid",
    "Solène",
    "Marcus",
    "Capucine",
    "Leah",
    "Émile",
    "Dylan",
    "Justine",
    "Alasdair",
    "Rosalie",
    "Kwame",
    "Axelle",
    "Nigel",
    "Louison",
    "Maya",
];

const LAST: [&str; 72] = [
    "Delacroix",
    "Whitfield",
    "Moreau-Lang",
    "Ashdown",
    "Bertillon",
    "Hargreave",
    "Lemoine",
    "Okafor",
    "Vasseur",
    "Pemberton",
    "Garnier",
    "Thistlewood",
    "Benali",
    "Langford",
    "Chevrolier",
    "Sutcliffe",
    "Rouvière",
    "Kingsley",
    "Diallo",
    "Merriweather",
    "Fontanel",
    "Braithwaite",
    "Aubry",
    "Hollis",
    "Le Goff",
    "Carrington",
    "Pelletier",
    "Winslow",
    "Sabatier",
    "Ellery",
    "N'Diaye",
    "Fairclough",
    "Tessier",
    "Redmond",
    "Guillory",
    "Stanhope",
    "Marchetti",
    "Blackwood",
    "Perrault",
    "Osborne",
    "Lacombe",
    "Trevelyan",
    "Bouchard",
    "Hathaway",
    "Keller",
    "Ravensworth",
    "Joubert",
    "Loxley",
    "Mansour",
    "Penrose",
    "Chastain",
    "Wainwright",
    "d'Aubigny",
    "Marlowe",
    "Fournel",
    "Beckett",
    "Saint-Clair",
    "Underhill",
    "Roussel",
    "Ainsley",
    "Carpentier",
    "Drummond",
    "Vautrin",
    "Eastwood",
    "Lavigne",
    "Forsyth",
    "Barbier",
    "Holloway",
    "Texier",
    "Prescott",
    "Gauthier",
    "Lockhart",
];

const HOUSES: [&str; 28] = [
    "Atelier",
    "Northgate",
    "Maison",
    "Bluewater",
    "Comptoir",
    "Stonebridge",
    "Groupe",
    "Ironwood",
    "Établissements",
    "Redcliff",
    "Manufacture",
    "Fairhaven",
    "Imprimerie",
    "Oakfield",
    "Laboratoires",
    "Silverton",
    "Transports",
    "Kestrel",
    "Brasserie",
    "Harbour",
    "Verreries",
    "Foxglove",
    "Menuiserie",
    "Highmoor",
    "Filature",
    "Larkspur",
    "Papeteries",
    "Westmere",
];

const TRADES: [&str; 24] = [
    "du Lac",
    "Logistics",
    "des Alpes",
    "Foods",
    "Lefort",
    "Engineering",
    "de l'Ouest",
    "Textiles",
    "Rivoire",
    "Clinics",
    "du Midi",
    "Energy",
    "Saint-Roch",
    "Printing",
    "Belrive",
    "Hotels",
    "des Flandres",
    "Robotics",
    "Montclar",
    "Nurseries",
    "de Provence",
    "Systems",
    "Grandval",
    "Marine",
];

/// The name of the so many-th rep; with another `seed` in another order.
pub(super) fn rep(number: u32, seed: u64) -> String {
    let pairs = (FIRST.len() * LAST.len()) as u64;
    // The step has no divisor in common with the number of pairs, so each comes once.
    let place = (u64::from(number) * 1_000_003 + seed % pairs) % pairs;
    let (first, last) = (FIRST[(place % FIRST.len() as u64) as usize], LAST[(place / FIRST.len() as u64) as usize]);
    match u64::from(number) / pairs {
        0 => format!("{first} {last}"),
        round => format!("{first} {}. {last}", (b'A' + ((round - 1) % 26) as u8) as char),
    }
}

/// A name as an id: small letters without accents, with hyphens between.
pub(super) fn id(name: &str) -> String {
    let mut id = String::with_capacity(name.len());
    for letter in name.chars().flat_map(char::to_lowercase) {
        match letter {
            'à'..='å' => id.push('a'),
            'ç' => id.push('c'),
            'è'..='ë' => id.push('e'),
            'ì'..='ï' => id.push('i'),
            'ò'..='ö' => id.push('o'),
            'ù'..='ü' => id.push('u'),
            'a'..='z' | '0'..='9' => id.push(letter),
            _ if !id.ends_with('-') => id.push('-'),
            _ => {}
        }
    }
    id
}

/// Somebody at a customer's.
pub(super) fn contact(dice: &mut StdRng) -> String {
    let first = FIRST[dice.random_range(0..FIRST.len())];
    [first, " ", LAST[dice.random_range(0..LAST.len())]].concat()
}

/// A customer.
pub(super) fn account(dice: &mut StdRng) -> String {
    let house = HOUSES[dice.random_range(0..HOUSES.len())];
    [house, " ", TRADES[dice.random_range(0..TRADES.len())]].concat()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_hundred_thousand_reps_have_a_name_each() {
        for seed in [0, 7, u64::MAX] {
            let names: HashSet<String> = (0..100_000).map(|number| rep(number, seed)).collect();
            assert_eq!(names.len(), 100_000);
            let ids: HashSet<String> = names.iter().map(|name| id(name)).collect();
            assert_eq!(ids.len(), 100_000);
            let plain = |id: &String| id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
            assert!(ids.iter().all(plain), "{:?}", ids.iter().find(|id| !plain(id)));
        }
    }
}
