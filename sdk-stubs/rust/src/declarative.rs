//! Sagas as data: built here, run by the server with no workflow worker.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value as Json;

use crate::client::Client;
use crate::error::Error;
use crate::v1::*;
use crate::workflows::micros;

/// A saga as data.
///
/// ```
/// use saga_engine::{Definition, Step};
/// use serde_json::json;
///
/// let mut trip = Definition::new("trip").task_queue("travel");
/// let flight = trip.activity("flight", "bookFlight", Step::new().undo("cancelFlight"));
/// trip.parallel(|trip| {
///     trip.activity("hotel", "bookHotel", Step::new().input(json!({"nights": "${input.nights}"})).undo("cancelHotel"));
///     trip.activity("car", "bookCar", Step::new().input(json!({"flight": flight.output("number")})).undo("cancelCar"));
/// });
/// trip.returns(json!({"flight": flight.output("number")}));
/// assert_eq!(trip.message()?.steps.len(), 3);
/// # Ok::<(), saga_engine::Error>(())
/// ```
///
/// Texts in inputs refer to values: `${input.path}`, `${steps.ID.output.path}`, `${path ?? default}`. What cannot be said (a
/// condition that does not read, say) is kept, and returned by [`message`](Self::message) and by registering.
#[derive(Clone, Debug)]
pub struct Definition {
    message: SagaDefinition,
    group: String,
    groups: u32,
    problem: Option<String>,
}

/// A step that was added.
#[derive(Clone, Debug)]
pub struct StepRef {
    id: String,
}

impl StepRef {
    /// Refers to what the step returned, or to a part of it; an empty path is the whole.
    pub fn output(&self, path: &str) -> String {
        let dot = if path.is_empty() { "" } else { "." };
        format!("${{steps.{}.output{dot}{path}}}", self.id)
    }
}

/// How a step is undone, where an activity's name is not enough.
#[derive(Clone, Debug, Default)]
pub struct StepUndo {
    spec: UndoSpec,
    input: Option<Json>,
}

impl StepUndo {
    /// Undone by an activity: always when the step completed, and when its outcome is unknown.
    pub fn by(activity: impl Into<String>) -> Self {
        let (activity_type, undo_failed_step) = (activity.into(), UndoFailedStep::IfUnknown);
        Self { spec: UndoSpec { activity_type, undo_failed_step, ..Default::default() }, input: None }
    }

    /// Comes to the undo as its data; it may also refer to `${output…}`, `${outcome}` and `${key}` of the step.
    #[must_use]
    pub fn input(mut self, value: Json) -> Self {
        self.input = Some(value);
        self
    }

    /// The queue that it runs on. Default: the definition's.
    #[must_use]
    pub fn task_queue(mut self, queue: impl Into<String>) -> Self {
        self.spec.task_queue = queue.into();
        self
    }

    /// Whether a step that failed is undone. Default: if its outcome is unknown.
    #[must_use]
    pub fn failed_step(mut self, when: UndoFailedStep) -> Self {
        self.spec.undo_failed_step = when;
        self
    }

    /// An activity that finds out whether a step of unknown outcome happened.
    #[must_use]
    pub fn probe(mut self, activity: impl Into<String>) -> Self {
        self.spec.probe_activity_type = activity.into();
        self
    }
}

/// What is said of a step beside its id.
#[derive(Clone, Debug, Default)]
pub struct Step {
    input: Option<Json>,
    undo: Option<StepUndo>,
    queue: Option<String>,
    attempts: Option<u32>,
    timeout: Option<Duration>,
    pivot: bool,
    when: Vec<String>,
}

impl Step {
    /// Nothing said: the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// What an activity or child receives. Default: the start input.
    #[must_use]
    pub fn input(mut self, value: impl Into<Json>) -> Self {
        self.input = Some(value.into());
        self
    }

    /// Has an activity's step undone by another activity.
    #[must_use]
    pub fn undo(self, activity: impl Into<String>) -> Self {
        self.undo_with(StepUndo::by(activity))
    }

    /// Has an activity's step undone.
    #[must_use]
    pub fn undo_with(mut self, undo: StepUndo) -> Self {
        self.undo = Some(undo);
        self
    }

    /// The queue of an activity or child. Default: the definition's.
    #[must_use]
    pub fn task_queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = Some(queue.into());
        self
    }

    /// How often an activity is tried. Default 3.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// How long an attempt of an activity may take. Default 300 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// When it completes, earlier steps are not undone any more.
    #[must_use]
    pub fn pivot(mut self) -> Self {
        self.pivot = true;
        self
    }

    /// Leaves the step out unless it holds, such as `input.n > 3` or `steps.pay.output.state exists`. Several must all hold.
    #[must_use]
    pub fn when(mut self, condition: impl Into<String>) -> Self {
        self.when.push(condition.into());
        self
    }
}

impl Definition {
    /// Begins a definition; its name is the workflow type.
    pub fn new(name: impl Into<String>) -> Self {
        let message = SagaDefinition { name: name.into(), ..Default::default() };
        Self { message, group: String::new(), groups: 0, problem: None }
    }

    /// The queue of steps that name none. Default `default`.
    #[must_use]
    pub fn task_queue(mut self, queue: impl Into<String>) -> Self {
        self.message.task_queue = queue.into();
        self
    }

    /// After which a run is undone. Default: never.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.message.execution_timeout_us = micros(timeout);
        self
    }

    /// What it is, for people.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.message.description = text.into();
        self
    }

    /// Runs the steps that `body` adds at the same time.
    pub fn parallel(&mut self, body: impl FnOnce(&mut Self)) {
        self.groups += 1;
        self.group = format!("parallel {}", self.groups);
        body(self);
        self.group.clear();
    }

    /// Runs an activity.
    pub fn activity(&mut self, id: impl Into<String>, activity_type: impl Into<String>, step: Step) -> StepRef {
        let id = id.into();
        let mut made = ActivityStep { activity_type: activity_type.into(), ..Default::default() };
        made.input = step.input.as_ref().map(|value| self.template(value));
        made.task_queue = step.queue.clone().unwrap_or_default();
        made.retry = step.attempts.map(|maximum_attempts| RetryPolicy {
            maximum_attempts,
            initial_interval_us: 1_000_000,
            backoff_coefficient: 2.0,
            maximum_interval_us: 60_000_000,
            jitter: 0.1,
            ..Default::default()
        });
        made.timeouts = step.timeout.map(|time| ActivityTimeouts { start_to_close_us: micros(time), ..Default::default() });
        made.pivot = step.pivot;
        if let Some(undo) = &step.undo {
            made.undo = Some(undo.spec.clone());
            made.undo_input = undo.input.as_ref().map(|value| self.json(value)).unwrap_or_default();
        }
        self.add(id, StepDefinitionKind::Activity(Box::new(made)), &step)
    }

    /// Waits for a signal; its data is the step's output. When `within` passes, the saga fails; none = it waits for ever.
    pub fn signal(&mut self, id: impl Into<String>, name: impl Into<String>, within: Option<Duration>, step: Step) -> StepRef {
        let (id, name, timeout_us) = (id.into(), name.into(), within.map_or(0, micros));
        self.only_when(&id, &step, false);
        self.add(id, StepDefinitionKind::Signal(Box::new(SignalStep { name, timeout_us })), &step)
    }

    /// Waits.
    pub fn timer(&mut self, id: impl Into<String>, delay: Duration, step: Step) -> StepRef {
        let id = id.into();
        self.only_when(&id, &step, false);
        self.add(id, StepDefinitionKind::Timer(Box::new(TimerStep { delay_us: micros(delay) })), &step)
    }

    /// Runs another workflow or definition as a part of this saga.
    pub fn child(&mut self, id: impl Into<String>, workflow_type: impl Into<String>, step: Step) -> StepRef {
        let id = id.into();
        self.only_when(&id, &step, true);
        let made = ChildStep {
            workflow_type: workflow_type.into(),
            task_queue: step.queue.clone().unwrap_or_default(),
            input: step.input.as_ref().map(|value| self.template(value)),
            ..Default::default()
        };
        self.add(id, StepDefinitionKind::Child(Box::new(made)), &step)
    }

    /// Says what the saga returns; without it, the outputs of its steps by their ids.
    pub fn returns(&mut self, value: impl Into<Json>) {
        self.message.output = Some(self.template(&value.into()));
    }

    /// What goes over the wire.
    ///
    /// # Errors
    /// [`Error::Invalid`]: the first thing that was said and cannot be.
    pub fn message(&self) -> Result<SagaDefinition, Error> {
        match &self.problem {
            Some(problem) => Err(Error::Invalid(format!("definition {}: {problem}", self.message.name))),
            None => Ok(self.message.clone()),
        }
    }

    fn add(&mut self, id: String, kind: StepDefinitionKind, step: &Step) -> StepRef {
        let mut conditions = Vec::new();
        for text in &step.when {
            match condition(text) {
                Ok(made) => conditions.push(made),
                Err(problem) => self.fail(problem),
            }
        }
        let (group, kind) = (self.group.clone(), Some(kind));
        self.message.steps.push(StepDefinition { id: id.clone(), group, conditions, kind, ..Default::default() });
        StepRef { id }
    }

    /// Refuses what only activities can be told; a child takes an input and a queue.
    fn only_when(&mut self, id: &str, step: &Step, child: bool) {
        let said = [
            (step.undo.is_some(), "undo"),
            (step.attempts.is_some(), "attempts"),
            (step.timeout.is_some(), "timeout"),
            (step.pivot, "pivot"),
            (!child && step.input.is_some(), "input"),
            (!child && step.queue.is_some(), "task queue"),
        ];
        if let Some((_, what)) = said.iter().find(|(said, _)| *said) {
            self.fail(format!("step {id} is no activity and has no {what}"));
        }
    }

    fn fail(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }

    fn json(&mut self, value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap_or_else(|problem| {
            self.fail(problem.to_string());
            String::new()
        })
    }

    fn template(&mut self, value: &Json) -> InputTemplate {
        let source = if value.as_str() == Some("${input}") {
            InputTemplateSource::StartInput(true)
        } else {
            InputTemplateSource::Template(self.json(value))
        };
        InputTemplate { source: Some(source) }
    }
}

fn condition(text: &str) -> Result<Condition, String> {
    let wrong = || format!("a condition is PATH == VALUE (or !=, <, <=, >, >=) or PATH exists, not `{text}`");
    let (path, rest) = text.trim().split_once(' ').ok_or_else(wrong)?;
    let (word, value) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
    let value = value.trim();
    let op = match word {
        "exists" if value.is_empty() => ConditionOp::Exists,
        _ if value.is_empty() => return Err(wrong()),
        "==" => ConditionOp::Equal,
        "!=" => ConditionOp::NotEqual,
        "<" => ConditionOp::Less,
        "<=" => ConditionOp::LessOrEqual,
        ">" => ConditionOp::Greater,
        ">=" => ConditionOp::GreaterOrEqual,
        _ => return Err(wrong()),
    };
    // What is no JSON is a text.
    let is_json = op == ConditionOp::Exists || serde_json::from_str::<Json>(value).is_ok();
    let value = if is_json { value.to_owned() } else { Json::from(value).to_string() };
    Ok(Condition { path: path.into(), op, value })
}

/// # Sagas as data
#[allow(clippy::missing_errors_doc)] // as the others, and `Error::Invalid` for a definition that says something impossible
impl Client {
    /// Stores a definition; its version, and whether the same was stored before. A changed one is the next version.
    pub fn register_definition(&self, definition: &Definition) -> Result<(u32, bool), Error> {
        let definition = Some(definition.message()?);
        let answer = self.definitions().register(RegisterDefinitionRequest { definition, ..Default::default() })?;
        Ok((answer.version, answer.unchanged))
    }

    /// Tells everything that is wrong with a definition; nothing is stored.
    pub fn validate_definition(&self, definition: &Definition) -> Result<Vec<DefinitionProblem>, Error> {
        let definition = Some(definition.message()?);
        Ok(self.definitions().validate(ValidateDefinitionRequest { definition, ..Default::default() })?.problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read() {
        let read = |text| condition(text).map(|made| (made.path, made.op, made.value));
        assert_eq!(read("input.n >= 2"), Ok(("input.n".into(), ConditionOp::GreaterOrEqual, "2".into())));
        assert_eq!(read(" a  ==  two words "), Ok(("a".into(), ConditionOp::Equal, "\"two words\"".into())));
        assert_eq!(read("a exists"), Ok(("a".into(), ConditionOp::Exists, String::new())));
        for wrong in ["", "a", "a ==", "a ~ 3", "a exists 3"] {
            assert!(read(wrong).unwrap_err().contains(wrong), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_kept() {
        let mut made = Definition::new("odd");
        made.timer("rest", Duration::from_secs(1), Step::new().undo("x"));
        made.activity("a", "b", Step::new().when("?"));
        let problem = made.message().unwrap_err().to_string();
        assert_eq!(problem, "definition odd: step rest is no activity and has no undo");
    }
}
