//! How things look: roles and their styles, read from a theme, brought down to what the terminal
//! shows. No other module names a colour.

mod color;
#[cfg(test)]
mod contrast;

use std::path::{Path, PathBuf};

use ratatui::style::{Modifier, Style};
use serde::Deserialize;

pub use color::Depth;

use crate::dashboard::app::text::Tone;

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorChoice {
    /// Unless `NO_COLOR` is set or the terminal is known to have none.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never: bold, reverse and underline only.
    Never,
}

/// The themes that are part of the program.
const EMBEDDED: &[(&str, &str)] = &[
    ("default", include_str!("../../../themes/default.yaml")),
    ("dark", include_str!("../../../themes/dark.yaml")),
    ("light", include_str!("../../../themes/light.yaml")),
    (
        "high-contrast",
        include_str!("../../../themes/high-contrast.yaml"),
    ),
    ("mono", include_str!("../../../themes/mono.yaml")),
    (
        "catppuccin",
        include_str!("../../../themes/catppuccin.yaml"),
    ),
    ("gruvbox", include_str!("../../../themes/gruvbox.yaml")),
    ("nord", include_str!("../../../themes/nord.yaml")),
];

macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident,)*) => {
        /// A style for each role.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Theme {
            $($(#[$doc])* pub $role: Style,)*
            /// Whether only ASCII is drawn.
            pub ascii: bool,
        }

        /// A theme file: each role as text.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct ThemeFile { $($role: String,)* }

        impl ThemeFile {
            fn resolve(&self, depth: Depth, ascii: bool) -> Result<Theme, String> {
                Ok(Theme {
                    $($role: style(&self.$role, depth)
                        .map_err(|e| format!("{}: {e}", stringify!($role)))?,)*
                    ascii,
                })
            }
        }
    };
}

roles! {
    /// Ordinary text.
    text,
    /// Beside the point: times, hints, headings of columns.
    dim,
    /// To be seen first.
    strong,
    /// Keys, statements to copy.
    accent,
    /// All is well.
    good,
    /// To be looked at.
    warn,
    /// Something failed.
    bad,
    /// Borders and rules.
    border,
    /// The border of what has the focus.
    focus,
    /// Titles in borders.
    title,
    /// The name in the selected row.
    selected,
    /// The whole selected row.
    selected_row,
    /// A tab.
    tab,
    /// The tab that is shown, the marked choice.
    tab_active,
    /// The filled part of a gauge.
    gauge,
    /// The rest of a gauge.
    gauge_rest,
    /// A sparkline.
    spark,
}

impl Theme {
    /// The theme `name`: from `folder` if it has `name.yaml`, else an embedded one. Without colours
    /// the monochrome theme is used, whatever the name.
    ///
    /// # Errors
    /// A sentence: unknown name, unreadable file, a style that can't be understood.
    pub fn load(
        name: &str,
        folder: Option<&Path>,
        depth: Depth,
        ascii: bool,
    ) -> Result<Self, String> {
        let wanted = if depth == Depth::Mono { "mono" } else { name };
        let own = Self::file(name, folder).filter(|file| file.is_file());
        let (shown, text) = match own {
            Some(file) => {
                let text = std::fs::read_to_string(&file)
                    .map_err(|e| format!("{} can't be read: {e}", file.display()))?;
                (file.display().to_string(), text)
            }
            None => {
                let text = EMBEDDED
                    .iter()
                    .find(|(known, _)| *known == wanted)
                    .map(|(_, text)| *text)
                    .ok_or_else(|| unknown(name, folder))?;
                (wanted.to_owned(), text.to_owned())
            }
        };
        // A name that does not exist is told even where it makes no difference.
        if wanted != name && !EMBEDDED.iter().any(|(known, _)| *known == name) && folder.is_none() {
            return Err(unknown(name, folder));
        }
        let file: ThemeFile = serde_yaml::from_str(&text).map_err(|e| format!("{shown}: {e}"))?;
        file.resolve(depth, ascii)
            .map_err(|e| format!("{shown}: {e}"))
    }

    /// Where a user's own theme `name` would be.
    #[must_use]
    pub fn file(name: &str, folder: Option<&Path>) -> Option<PathBuf> {
        folder
            .filter(|_| is_file_name(name))
            .map(|folder| folder.join(format!("{name}.yaml")))
    }

    /// An embedded theme for a terminal that shows everything, for tests and pictures.
    ///
    /// # Errors
    /// When there is no such theme.
    pub fn embedded(name: &str) -> Result<Self, String> {
        Self::load(name, None, Depth::True, false)
    }

    /// The style of a tone.
    #[must_use]
    pub fn tone(&self, tone: Tone) -> Style {
        match tone {
            Tone::Plain => self.text,
            Tone::Dim => self.dim,
            Tone::Strong => self.strong,
            Tone::Accent => self.accent,
            Tone::Good => self.good,
            Tone::Warn => self.warn,
            Tone::Bad => self.bad,
            Tone::Found => self.tab_active,
        }
    }
}

fn is_file_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.')
}

fn unknown(name: &str, folder: Option<&Path>) -> String {
    let known: Vec<&str> = EMBEDDED.iter().map(|(known, _)| *known).collect();
    let also = folder.map_or(String::new(), |folder| {
        format!(", or {} in {}", "NAME.yaml", folder.display())
    });
    format!("there is no theme {name:?}; use {}{also}", known.join(", "))
}

/// `[COLOUR] [on COLOUR] [modifier]…`
fn style(text: &str, depth: Depth) -> Result<Style, String> {
    let mut style = Style::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        let modifier = match word {
            "bold" => Modifier::BOLD,
            "dim" => Modifier::DIM,
            "italic" => Modifier::ITALIC,
            "underline" => Modifier::UNDERLINED,
            "reverse" => Modifier::REVERSED,
            "on" => {
                let name = words.next().ok_or("\"on\" needs a colour")?;
                if let Some(color) = depth.color(name)? {
                    style = style.bg(color);
                }
                continue;
            }
            name => {
                if let Some(color) = depth.color(name)? {
                    style = style.fg(color);
                }
                continue;
            }
        };
        style = style.add_modifier(modifier);
    }
    Ok(style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Color;

    #[test]
    fn every_embedded_theme_can_be_used_at_every_depth() {
        for (name, _) in EMBEDDED {
            for depth in [Depth::Mono, Depth::Sixteen, Depth::Many, Depth::True] {
                Theme::load(name, None, depth, false).unwrap();
            }
        }
    }

    #[test]
    fn without_colours_no_style_has_one_and_selection_and_failure_still_show() {
        let theme = Theme::load("dark", None, Depth::Mono, false).unwrap();
        for style in [
            theme.text,
            theme.good,
            theme.bad,
            theme.selected,
            theme.gauge,
        ] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
        assert!(theme.selected.add_modifier.contains(Modifier::REVERSED));
        assert_ne!(theme.bad, theme.text);
    }

    #[test]
    fn the_default_theme_paints_no_background_and_uses_the_terminals_colours_only() {
        let theme = Theme::embedded("default").unwrap();
        assert_eq!(theme.text, Style::new());
        assert_eq!(theme.good.fg, Some(Color::Green));
        for style in [theme.text, theme.accent, theme.bad, theme.selected_row] {
            assert_eq!(style.bg, None);
        }
    }

    #[test]
    fn mistakes_are_told() {
        let e = Theme::load("neon", None, Depth::True, false).unwrap_err();
        assert!(
            e.contains("neon") && e.contains("default, dark, light, high-contrast, mono"),
            "{e}"
        );
        assert!(
            style("fuchsia", Depth::True)
                .unwrap_err()
                .contains("fuchsia")
        );
        assert!(style("red on", Depth::True).is_err());
        assert!(style("#12345", Depth::True).is_err());
    }

    #[test]
    fn a_theme_of_the_users_own_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let text = EMBEDDED[0]
            .1
            .replace("good: green", "good: \"#102030 underline\"");
        std::fs::write(folder.path().join("mine.yaml"), text).unwrap();
        let theme = Theme::load("mine", Some(folder.path()), Depth::True, false).unwrap();
        assert_eq!(theme.good.fg, Some(Color::Rgb(16, 32, 48)));
        std::fs::write(folder.path().join("bad.yaml"), "text: red\n").unwrap();
        let e = Theme::load("bad", Some(folder.path()), Depth::True, false).unwrap_err();
        assert!(e.contains("bad.yaml"), "{e}");
    }
}
