//! Colours, brought down to what the terminal shows.

use ratatui::style::Color;

use super::ColorChoice;

/// How many colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// None.
    Mono,
    /// The terminal's own sixteen.
    Sixteen,
    /// 256.
    Many,
    /// All.
    True,
}

/// The names of the sixteen, in their order, and about what they look like.
const NAMES: [(&str, Color, (u8, u8, u8)); 16] = [
    ("black", Color::Black, (0, 0, 0)),
    ("red", Color::Red, (205, 0, 0)),
    ("green", Color::Green, (0, 205, 0)),
    ("yellow", Color::Yellow, (205, 205, 0)),
    ("blue", Color::Blue, (0, 0, 238)),
    ("magenta", Color::Magenta, (205, 0, 205)),
    ("cyan", Color::Cyan, (0, 205, 205)),
    ("white", Color::Gray, (229, 229, 229)),
    ("bright-black", Color::DarkGray, (127, 127, 127)),
    ("bright-red", Color::LightRed, (255, 90, 90)),
    ("bright-green", Color::LightGreen, (90, 255, 90)),
    ("bright-yellow", Color::LightYellow, (255, 255, 90)),
    ("bright-blue", Color::LightBlue, (92, 92, 255)),
    ("bright-magenta", Color::LightMagenta, (255, 90, 255)),
    ("bright-cyan", Color::LightCyan, (90, 255, 255)),
    ("bright-white", Color::White, (255, 255, 255)),
];

impl Depth {
    /// What the terminal shows, told by its environment alone: asking it could answer late, and
    /// then into the shell.
    pub fn detect(choice: ColorChoice, env: impl Fn(&str) -> Option<String>) -> Self {
        let term = env("TERM").unwrap_or_default();
        let no_color = env("NO_COLOR").is_some_and(|value| !value.is_empty());
        match choice {
            ColorChoice::Never => return Self::Mono,
            ColorChoice::Auto if no_color || term == "dumb" || term.ends_with("-m") => {
                return Self::Mono;
            }
            _ => {}
        }
        let colorterm = env("COLORTERM").unwrap_or_default();
        // SSH passes TERM on, but not COLORTERM.
        let known = [
            "kitty",
            "ghostty",
            "alacritty",
            "foot",
            "wezterm",
            "contour",
        ];
        if colorterm == "truecolor"
            || colorterm == "24bit"
            || term.ends_with("-direct")
            || known.iter().any(|name| term.contains(name))
        {
            Self::True
        } else if term.contains("256color") {
            Self::Many
        } else {
            Self::Sixteen
        }
    }

    /// The colour `name` (a name or `#rrggbb`) at this depth; `None` where there are no colours.
    pub(super) fn color(self, name: &str) -> Result<Option<Color>, String> {
        let named = NAMES.iter().find(|(known, ..)| *known == name);
        let rgb = match named {
            Some((_, color, _)) if self != Self::Mono => return Ok(Some(*color)),
            Some((_, _, rgb)) => *rgb,
            None => parse(name)?,
        };
        Ok(match self {
            Self::Mono => None,
            Self::Sixteen => Some(sixteen(rgb)),
            Self::Many => Some(Color::Indexed(indexed(rgb))),
            Self::True => Some(Color::Rgb(rgb.0, rgb.1, rgb.2)),
        })
    }
}

/// About what a colour looks like; `None` for the terminal's own text and ground.
#[cfg(test)]
pub(super) fn rgb(color: Color) -> Option<(u8, u8, u8)> {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match color {
        Color::Rgb(r, g, b) => Some((r, g, b)),
        Color::Indexed(n @ 232..) => {
            let grey = 8 + (n - 232) * 10;
            Some((grey, grey, grey))
        }
        Color::Indexed(n @ 16..) => {
            let level = |v: u8| LEVELS[usize::from(v % 6)];
            let n = n - 16;
            Some((level(n / 36), level(n / 6), level(n)))
        }
        other => NAMES
            .iter()
            .find(|(_, known, _)| *known == other)
            .map(|(_, _, rgb)| *rgb),
    }
}

fn parse(name: &str) -> Result<(u8, u8, u8), String> {
    let wrong = || format!("{name:?} is no colour: use #rrggbb or a name such as cyan, bright-red");
    let digits = name
        .strip_prefix('#')
        .filter(|d| d.len() == 6)
        .ok_or_else(wrong)?;
    let value = u32::from_str_radix(digits, 16).map_err(|_| wrong())?;
    let [_, r, g, b] = value.to_be_bytes();
    Ok((r, g, b))
}

/// Square of the distance of two colours.
fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let d = |x: u8, y: u8| u32::from(x.abs_diff(y)).pow(2);
    d(a.0, b.0) * 2 + d(a.1, b.1) * 4 + d(a.2, b.2) * 3
}

fn sixteen(rgb: (u8, u8, u8)) -> Color {
    NAMES
        .iter()
        .min_by_key(|(_, _, known)| distance(rgb, *known))
        .map_or(Color::Reset, |(_, color, _)| *color)
}

/// The nearest of the 6x6x6 cube and the greys of the 256.
fn indexed(rgb: (u8, u8, u8)) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let nearest = |v: u8| {
        (0..6u8)
            .min_by_key(|i| LEVELS[usize::from(*i)].abs_diff(v))
            .unwrap_or(0)
    };
    let (r, g, b) = (nearest(rgb.0), nearest(rgb.1), nearest(rgb.2));
    let level = |i: u8| LEVELS[usize::from(i)];
    let cube = (level(r), level(g), level(b));
    let mean = (u16::from(rgb.0) + u16::from(rgb.1) + u16::from(rgb.2)) / 3;
    let step = (mean.saturating_sub(3) / 10).min(23) as u8;
    let grey = 8 + step * 10;
    if distance(rgb, (grey, grey, grey)) < distance(rgb, cube) {
        232 + step
    } else {
        16 + 36 * r + 6 * g + b
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides_and_the_flag_wins() {
        let detect = |choice, vars: &[(&str, &str)]| {
            Depth::detect(choice, |name| {
                vars.iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| (*value).to_owned())
            })
        };
        let xterm = ("TERM", "xterm-256color");
        let auto = ColorChoice::Auto;
        assert_eq!(detect(auto, &[xterm]), Depth::Many);
        assert_eq!(
            detect(auto, &[xterm, ("COLORTERM", "truecolor")]),
            Depth::True
        );
        assert_eq!(detect(auto, &[xterm, ("NO_COLOR", "1")]), Depth::Mono);
        assert_eq!(detect(auto, &[xterm, ("NO_COLOR", "")]), Depth::Many);
        assert_eq!(detect(auto, &[("TERM", "linux")]), Depth::Sixteen);
        assert_eq!(detect(auto, &[("TERM", "xterm-kitty")]), Depth::True);
        assert_eq!(detect(auto, &[("TERM", "dumb")]), Depth::Mono);
        assert_eq!(
            detect(ColorChoice::Always, &[xterm, ("NO_COLOR", "1")]),
            Depth::Many
        );
        assert_eq!(detect(ColorChoice::Never, &[xterm]), Depth::Mono);
    }

    #[test]
    fn colours_come_down_to_the_nearest() {
        assert_eq!(Depth::Many.color("#ffffff"), Ok(Some(Color::Indexed(231))));
        assert_eq!(Depth::Many.color("#808080"), Ok(Some(Color::Indexed(244))));
        assert_eq!(Depth::Sixteen.color("#ff5f5f"), Ok(Some(Color::LightRed)));
        assert_eq!(Depth::Mono.color("#ff5f5f"), Ok(None));
        assert_eq!(Depth::True.color("cyan"), Ok(Some(Color::Cyan)));
    }
}
