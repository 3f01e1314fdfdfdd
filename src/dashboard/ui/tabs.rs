//! The four tabs.

pub mod configs;
pub mod connections;
mod empty;
mod job_detail;
mod job_pace;
mod job_result;
pub mod jobs;
mod list;
pub mod logs;

use crate::dashboard::app::geometry::Area;
use crate::dashboard::app::state::State;
use crate::dashboard::app::text::{Line, Tone};
use crate::dashboard::ui::canvas::Canvas;

/// The line that says why what is shown may be old; returns what is left for rows.
fn trouble(state: &State, canvas: &mut Canvas<'_>, area: Area) -> Area {
    let Some(text) = state.trouble() else {
        return area;
    };
    let line = Line::of(format!("! {text}"), Tone::Bad);
    canvas.put_line(area.x + 1, area.y, area.width.saturating_sub(1), &line);
    area.split(1).1
}

/// The strip under a list: a rule and its lines.
fn strip(canvas: &mut Canvas<'_>, pane: Area, area: Area, lines: &[Line]) {
    let row = area.y - pane.y;
    let style = canvas.theme.border;
    canvas.rule(pane, row, '├', '┤', style);
    for (i, line) in lines.iter().enumerate() {
        let y = area.y + 1 + i as u16;
        canvas.put_line(area.x + 1, y, area.width.saturating_sub(2), line);
    }
}

#[cfg(test)]
mod tests {
    use super::{configs, connections, job_detail, job_result, jobs};
    use crate::dashboard::app::list::Listed;
    use crate::dashboard::app::list::{ENDED_TABLES, SortColumn, TABLES};
    use crate::dashboard::ui::widgets::table::Column;
    use crate::model::config::Config;
    use crate::model::connection::Connection;
    use crate::model::job::Job;

    fn agree<T>(columns: &[Column], sorts: &[SortColumn<T>]) {
        let shown: Vec<&str> = columns.iter().map(|column| column.title).collect();
        let sorted: Vec<&str> = sorts.iter().map(|column| column.title).collect();
        assert_eq!(shown, sorted);
    }

    #[test]
    fn every_list_can_be_sorted_by_each_of_its_columns() {
        agree(&connections::COLUMNS, Connection::COLUMNS);
        agree(&configs::COLUMNS, Config::COLUMNS);
        agree(&jobs::COLUMNS, Job::COLUMNS);
        agree(&job_detail::COLUMNS, TABLES);
        agree(&job_result::COLUMNS, ENDED_TABLES);
    }
}
