//! `completions` and `man`: both made from the command tree, so they can't miss a flag.

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::args::{Cli, CompletionsArgs, ManArgs};
use super::failure::Failure;
use super::output;

/// The command tree with every subcommand's full name and the global flags spread to all.
fn tree() -> Command {
    let mut tree = Cli::command();
    tree.build();
    tree
}

/// Prints the completion script of a shell.
///
/// # Errors
/// When stdout can't be written.
pub fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "db-taxi", &mut script);
    output::raw(&String::from_utf8_lossy(&script))
}

/// Prints one manual page of the whole tree, or writes one per command into a folder.
///
/// # Errors
/// When stdout or a file can't be written.
pub fn man(args: &ManArgs) -> Result<(), Failure> {
    match &args.dir {
        Some(dir) => write_pages(&tree(), dir),
        None => output::raw(&whole_page(&tree())?),
    }
}

fn write_pages(command: &Command, dir: &Path) -> Result<(), Failure> {
    let shown = dir.display().to_string();
    fs::create_dir_all(dir).map_err(|error| Failure::file("create", &shown, &error))?;
    let mut todo = vec![command];
    while let Some(command) = todo.pop() {
        let mut page = Vec::new();
        Man::new(command.clone())
            .title(page_name(command))
            .render(&mut page)?;
        let path = dir.join(format!("{}.1", page_name(command)));
        fs::write(&path, page)
            .map_err(|error| Failure::file("write", &path.display().to_string(), &error))?;
        todo.extend(visible(command));
    }
    Ok(())
}

/// `db-taxi-connections-add`: the name that `man` finds a subcommand's page by.
fn page_name(command: &Command) -> String {
    command
        .get_display_name()
        .unwrap_or_else(|| command.get_name())
        .to_owned()
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|sub| !sub.is_hide_set())
}

/// The top page with a section for each command below it.
fn whole_page(top: &Command) -> Result<String, Failure> {
    let mut page = Vec::new();
    let man = Man::new(top.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    page.extend_from_slice(b".SH COMMANDS\n");
    let mut todo: Vec<&Command> = visible(top).collect();
    todo.reverse();
    while let Some(command) = todo.pop() {
        command_section(command, &mut page)?;
        let below: Vec<&Command> = visible(command).collect();
        todo.extend(below.into_iter().rev());
    }
    man.render_extra_section(&mut page)?;
    man.render_version_section(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// A command as a subsection: what it does, how it is called, its own flags.
fn command_section(command: &Command, page: &mut Vec<u8>) -> Result<(), Failure> {
    // The flags of every command are told once, at the top.
    let own = without_globals(command);
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let about = command.get_about().map(ToString::to_string);
    page.extend_from_slice(format!(".SS \"{}\"\n", roff(name)).as_bytes());
    if let Some(about) = about {
        page.extend_from_slice(format!("{}\n", roff(&about)).as_bytes());
    }
    if command.has_subcommands() {
        return Ok(());
    }
    let man = Man::new(own.clone());
    page.extend_from_slice(b".PP\n");
    page.extend(body_of(|out| man.render_synopsis_section(out))?);
    if own.get_arguments().next().is_some() {
        page.extend(body_of(|out| man.render_options_section(out))?);
    }
    if let Some(more) = own.get_after_long_help() {
        page.extend_from_slice(format!(".PP\n{}\n", roff(&more.to_string())).as_bytes());
    }
    Ok(())
}

fn without_globals(command: &Command) -> Command {
    let mut own = Command::new(command.get_name().to_owned())
        .bin_name(
            command
                .get_bin_name()
                .unwrap_or_else(|| command.get_name())
                .to_owned(),
        )
        .disable_help_flag(true)
        .disable_version_flag(true);
    if let Some(more) = command.get_after_long_help() {
        own = own.after_long_help(more.clone());
    }
    for arg in command.get_arguments() {
        if !arg.is_global_set() && !matches!(arg.get_id().as_str(), "help" | "version") {
            own = own.arg(arg.clone());
        }
    }
    own
}

/// A rendered section without its heading.
fn body_of(
    render: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
) -> Result<Vec<u8>, Failure> {
    let mut section = Vec::new();
    render(&mut section)?;
    let text = String::from_utf8_lossy(&section);
    let mut body = String::new();
    for line in text.lines().filter(|line| !line.starts_with(".SH ")) {
        body.push_str(line);
        body.push('\n');
    }
    Ok(body.into_bytes())
}

/// Text in which nothing is taken for a request of roff.
fn roff(text: &str) -> String {
    text.lines()
        .map(|line| {
            let line = line.replace('\\', "\\\\").replace('-', "\\-");
            if line.starts_with(['.', '\'']) {
                format!("\\&{line}")
            } else {
                line
            }
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full_names(command: &Command, out: &mut Vec<String>) {
        for sub in visible(command) {
            out.push(sub.get_bin_name().unwrap_or_default().to_owned());
            full_names(sub, out);
        }
    }

    #[test]
    fn the_command_tree_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_page_names_every_command_and_every_flag() {
        let tree = tree();
        let page = whole_page(&tree).unwrap();
        let mut names = Vec::new();
        full_names(&tree, &mut names);
        assert!(names.len() > 25, "{names:?}");
        for name in names {
            assert!(
                page.contains(&format!(".SS \"{}\"\n", roff(&name))),
                "{name}"
            );
        }
        let mut todo = vec![&tree];
        while let Some(command) = todo.pop() {
            for arg in command.get_arguments() {
                if let Some(long) = arg.get_long().filter(|long| *long != "help") {
                    assert!(page.contains(&roff(&format!("--{long}"))), "--{long}");
                }
            }
            todo.extend(visible(command));
        }
    }
}
