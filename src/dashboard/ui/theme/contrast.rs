//! Held: what every theme writes can be read on what it is written on.

use ratatui::style::{Color, Modifier, Style};

use super::color::rgb;
use super::{Depth, EMBEDDED, Theme};

type Rgb = (u8, u8, u8);

/// Backgrounds that a theme without one of its own is made for.
fn backgrounds(name: &str) -> &'static [Rgb] {
    match name {
        "dark" => &[(0, 0, 0), (0x1e, 0x1e, 0x1e), (0x28, 0x2c, 0x34)],
        "light" => &[(255, 255, 255), (0xfd, 0xf6, 0xe3), (0xfa, 0xfa, 0xfa)],
        _ => &[],
    }
}

/// Light as the eye sees it (WCAG 2, relative luminance).
fn luminance((r, g, b): Rgb) -> f64 {
    let part = |v: u8| {
        let v = f64::from(v) / 255.0;
        if v <= 0.039_28 {
            v / 12.92
        } else {
            ((v + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
}

/// From 1 (the same) to 21 (black on white).
fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// What must be told apart from what, and how well.
fn pairs(theme: &Theme) -> Vec<(&'static str, Style, Style, f64)> {
    let t = theme;
    let mut pairs = vec![
        ("text", t.text, t.text, 7.0),
        ("dim", t.dim, t.text, 4.0),
        ("strong", t.strong, t.text, 7.0),
        ("title", t.title, t.text, 7.0),
        ("tab", t.tab, t.text, 4.0),
        ("border", t.border, t.text, 1.5),
        ("gauge", t.gauge, t.text, 3.0),
        ("tab_active", t.tab_active, t.tab_active, 4.5),
        ("selected", t.selected, t.selected, 4.5),
    ];
    for (name, style) in [
        ("accent", t.accent),
        ("good", t.good),
        ("warn", t.warn),
        ("bad", t.bad),
        ("dim", t.dim),
        ("text", t.text),
    ] {
        // Bold letters are read like larger ones.
        let bold = style.add_modifier.contains(Modifier::BOLD);
        let least = if bold { 3.0 } else { 4.0 };
        pairs.push((name, style, t.text, least));
        pairs.push((name, style, t.selected_row, 3.0));
    }
    pairs
}

fn painted(color: Option<Color>) -> Option<Rgb> {
    color.and_then(rgb)
}

#[test]
fn what_every_theme_with_colours_of_its_own_writes_can_be_read() {
    for (name, _) in EMBEDDED {
        if ["default", "mono"].contains(name) {
            continue;
        }
        for depth in [Depth::True, Depth::Many] {
            let theme = Theme::load(name, None, depth, false).unwrap();
            let own = painted(theme.text.bg);
            let grounds = own.map_or_else(|| backgrounds(name).to_vec(), |own| vec![own]);
            assert!(!grounds.is_empty(), "{name} says nothing about its ground");
            for ground in grounds {
                for (role, style, on, least) in pairs(&theme) {
                    let text = painted(style.fg).or(painted(theme.text.fg)).unwrap();
                    let ground = painted(on.bg).unwrap_or(ground);
                    let found = contrast(text, ground);
                    assert!(
                        found >= least,
                        "{name} at {depth:?}: {role} {text:?} on {ground:?} is {found:.2}, not {least}"
                    );
                }
            }
        }
    }
}

/// What terminals of some kinds show for the names red, green, yellow and cyan, and their ground.
const TERMINALS: &[(&str, Rgb, [Rgb; 4])] = &[
    (
        "GNOME, light",
        (255, 255, 255),
        [
            (0xc0, 0x1c, 0x28),
            (0x26, 0xa2, 0x69),
            (0xa2, 0x73, 0x4c),
            (0x2a, 0xa1, 0xb3),
        ],
    ),
    (
        "GNOME, dark",
        (0x1d, 0x1d, 0x1d),
        [
            (0xc0, 0x1c, 0x28),
            (0x26, 0xa2, 0x69),
            (0xa2, 0x73, 0x4c),
            (0x2a, 0xa1, 0xb3),
        ],
    ),
    (
        "Tango, light",
        (255, 255, 255),
        [
            (0xcc, 0, 0),
            (0x4e, 0x9a, 0x06),
            (0xc4, 0xa0, 0),
            (0x06, 0x98, 0x9a),
        ],
    ),
    (
        "macOS, light",
        (255, 255, 255),
        [(0x99, 0, 0), (0, 0xa6, 0), (0x99, 0x99, 0), (0, 0xa6, 0xb2)],
    ),
    (
        "Solarized, light",
        (0xfd, 0xf6, 0xe3),
        [
            (0xdc, 0x32, 0x2f),
            (0x85, 0x99, 0),
            (0xb5, 0x89, 0),
            (0x2a, 0xa1, 0x98),
        ],
    ),
    (
        "Solarized, dark",
        (0, 0x2b, 0x36),
        [
            (0xdc, 0x32, 0x2f),
            (0x85, 0x99, 0),
            (0xb5, 0x89, 0),
            (0x2a, 0xa1, 0x98),
        ],
    ),
    (
        "Windows, dark",
        (0x0c, 0x0c, 0x0c),
        [
            (0xc5, 0x0f, 0x1f),
            (0x13, 0xa1, 0x0e),
            (0xc1, 0x9c, 0),
            (0x3a, 0x96, 0xdd),
        ],
    ),
    (
        "Linux console",
        (0, 0, 0),
        [(0xaa, 0, 0), (0, 0xaa, 0), (0xaa, 0x55, 0), (0, 0xaa, 0xaa)],
    ),
];

#[test]
fn the_default_theme_can_be_read_on_dark_and_on_light_terminals() {
    let theme = Theme::embedded("default").unwrap();
    let names = [Color::Red, Color::Green, Color::Yellow, Color::Cyan];
    for (terminal, ground, colors) in TERMINALS {
        for style in [theme.accent, theme.good, theme.warn, theme.bad, theme.gauge] {
            let at = names.iter().position(|name| Some(*name) == style.fg);
            let shown = colors[at.expect("one of the four names")];
            let found = contrast(shown, *ground);
            assert!(found >= 2.4, "{terminal}: {:?} is {found:.2}", style.fg);
        }
    }
    // Everything else is the terminal's own text on its own ground.
    for style in [
        theme.text,
        theme.dim,
        theme.strong,
        theme.tab_active,
        theme.selected,
    ] {
        assert_eq!((style.fg, style.bg), (None, None));
    }
}
