//! The whole picture in ASCII, for terminals and locales that show no more.

use ratatui::buffer::Buffer;

/// Replaces every cell that is not ASCII.
pub fn reduce(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if symbol.is_ascii() {
            continue;
        }
        let plain = symbol.chars().next().map_or('?', plain);
        cell.set_char(plain);
    }
}

fn plain(c: char) -> char {
    match c {
        '─' => '-',
        '│' | '▌' => '|',
        '┌' | '┐' | '└' | '┘' | '├' | '┤' => '+',
        '█' | '▉' | '▊' | '▋' => '#',
        '▍' | '▎' | '▏' => '=',
        '░' => '.',
        '▁' => '_',
        '▂' => '.',
        '▃' => ':',
        '▄' => '-',
        '▅' => '=',
        '▆' => '+',
        '▇' => '*',
        '✓' => '+',
        '✗' => 'x',
        '▶' | '→' => '>',
        '■' => 'o',
        '↻' | '…' => '~',
        '·' => '-',
        '•' => '*',
        '◀' => '<',
        '▲' => '^',
        '›' => '>',
        '▼' => 'v',
        '–' | '—' => '-',
        '’' => '\'',
        _ => '?',
    }
}
