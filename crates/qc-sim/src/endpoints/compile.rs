//! Compiling: a short wait, then success or the first obvious mistake of each file.

use qc_api::endpoints::compile::{
    CompileReply, CompileState, CreateCompile, DetectedParameter, FileParameters, ReadCompile,
};
use sha2::{Digest, Sha256};

use crate::clock::later;
use crate::code::{self, Source};
use crate::endpoints::lean;
use crate::refuse::Answer;
use crate::world::{Call, Compile, World};

pub(crate) fn create(world: &mut World, call: &Call<'_>, request: CreateCompile) -> Answer<CompileReply> {
    let project = world.project(call, request.project_id.0)?;
    let files: Vec<(String, String)> =
        project.files.iter().map(|file| (file.name.clone(), file.content.clone())).collect();
    let project = project.id;
    let sources = sources(&files);
    let errors = code::check(&sources);
    let mut signature =
        hex::encode(Sha256::digest(files.iter().map(|(name, text)| format!("{name}\0{text}\0")).collect::<String>()));
    signature.truncate(32);
    let compile = Compile {
        id: format!("{}-{signature}", world.draw_id()),
        project,
        created: call.now,
        ready: later(call.now, call.jobs.compile),
        signature,
        files,
        errors,
    };
    let reply = CompileReply {
        compile_id: compile.id.as_str().into(),
        state: CompileState::InQueue,
        project_id: Some(project.into()),
        parameters: parameters(&compile),
        signature: Some(compile.signature.clone()),
        signature_order: order(&compile),
        ..CompileReply::default()
    };
    world.compiles.insert(compile.id.clone(), compile);
    Ok(reply)
}

/// A failed build is a successful answer: `success` stays true.
pub(crate) fn read(world: &mut World, call: &Call<'_>, request: ReadCompile) -> Answer<CompileReply> {
    let compile = world.compile(call, request.project_id.0, request.compile_id.as_str())?;
    let mut reply = CompileReply {
        compile_id: compile.id.as_str().into(),
        state: state(compile, call),
        project_id: Some(compile.project.into()),
        signature: Some(compile.signature.clone()),
        signature_order: order(compile),
        ..CompileReply::default()
    };
    match reply.state {
        CompileState::BuildSuccess => {
            reply.logs = vec![format!(
                "Build Request Successful for Project ID: {}, with CompileID: {}, Lean Version: {}",
                compile.project,
                compile.id,
                lean::LATEST_NAME
            )];
        }
        CompileState::BuildError => {
            reply.logs = compile
                .errors
                .iter()
                .map(|e| format!("Build Error: File: {} Line:{} Column:{} - {}", e.file, e.line, e.column, e.message))
                .collect();
            reply.logs.push(format!(
                "Build failed with {} error(s) for Project ID: {}",
                compile.errors.len(),
                compile.project
            ));
            reply.errors = reply.logs.clone();
        }
        _ => {}
    }
    Ok(reply)
}

/// How far a compile is.
pub(crate) fn state(compile: &Compile, call: &Call<'_>) -> CompileState {
    if call.now < compile.ready {
        CompileState::InQueue
    } else if compile.errors.is_empty() {
        CompileState::BuildSuccess
    } else {
        CompileState::BuildError
    }
}

/// Files as the reader of code takes them.
pub(crate) fn sources(files: &[(String, String)]) -> Vec<Source<'_>> {
    files.iter().map(|(name, text)| Source { name, text }).collect()
}

fn order(compile: &Compile) -> Vec<String> {
    compile.files.iter().map(|(name, _)| name.clone()).collect()
}

/// Numbers in the code that look like parameters, as the research guide counts them: calls of `get_parameter`.
fn parameters(compile: &Compile) -> Vec<FileParameters> {
    compile
        .files
        .iter()
        .filter_map(|(file, text)| {
            let parameters: Vec<DetectedParameter> = (1..)
                .zip(text.lines())
                .filter(|(_, line)| line.contains("get_parameter(") || line.contains("GetParameter("))
                .map(|(line, _)| DetectedParameter { line: Some(line), kind: "Parameter".to_owned() })
                .collect();
            (!parameters.is_empty()).then(|| FileParameters { file: file.clone(), parameters })
        })
        .collect()
}
