package engine.saga;

import com.google.protobuf.ByteString;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import saga.v1.AdminMessages.HealthRequest;
import saga.v1.AdminMessages.HealthResponse;
import saga.v1.CommonMessages.NamedPayload;
import saga.v1.CommonMessages.StatusCode;
import saga.v1.CommonMessages.WorkflowRef;
import saga.v1.CommonMessages.WorkflowStatus;
import saga.v1.CompensationMessages.BlockedWorkflow;
import saga.v1.CompensationMessages.GiveUpRequest;
import saga.v1.CompensationMessages.LateEffect;
import saga.v1.CompensationMessages.ListBlockedRequest;
import saga.v1.CompensationMessages.ListLateEffectsRequest;
import saga.v1.CompensationMessages.ResolveUndoRequest;
import saga.v1.CompensationMessages.RetryUndoRequest;
import saga.v1.CompensationMessages.RetryUndoWithInputRequest;
import saga.v1.CompensationMessages.SkipUndoRequest;
import saga.v1.CompensationMessages.UndoRef;
import saga.v1.DefinitionsMessages.DefinitionProblem;
import saga.v1.DefinitionsMessages.RegisterDefinitionRequest;
import saga.v1.DefinitionsMessages.ValidateDefinitionRequest;
import saga.v1.HistoryMessages.HistoryEvent;
import saga.v1.WorkflowsMessages.CancelWorkflowRequest;
import saga.v1.WorkflowsMessages.CountWorkflowsRequest;
import saga.v1.WorkflowsMessages.DeleteWorkflowRequest;
import saga.v1.WorkflowsMessages.DescribeWorkflowRequest;
import saga.v1.WorkflowsMessages.DescribeWorkflowResponse;
import saga.v1.WorkflowsMessages.ExportHistoryRequest;
import saga.v1.WorkflowsMessages.FollowHistoryRequest;
import saga.v1.WorkflowsMessages.GetHistoryRequest;
import saga.v1.WorkflowsMessages.GetWorkflowResultRequest;
import saga.v1.WorkflowsMessages.GetWorkflowResultResponse;
import saga.v1.WorkflowsMessages.HistoryChunk;
import saga.v1.WorkflowsMessages.ImportHistoryRequest;
import saga.v1.WorkflowsMessages.ImportHistoryResponse;
import saga.v1.WorkflowsMessages.ListWorkflowsRequest;
import saga.v1.WorkflowsMessages.PauseWorkflowRequest;
import saga.v1.WorkflowsMessages.QueryWorkflowRequest;
import saga.v1.WorkflowsMessages.ResetUndo;
import saga.v1.WorkflowsMessages.ResetWorkflowRequest;
import saga.v1.WorkflowsMessages.ResumeWorkflowRequest;
import saga.v1.WorkflowsMessages.SignalWithStartWorkflowRequest;
import saga.v1.WorkflowsMessages.SignalWorkflowRequest;
import saga.v1.WorkflowsMessages.StartWorkflowRequest;
import saga.v1.WorkflowsMessages.StateAtRequest;
import saga.v1.WorkflowsMessages.TerminateWorkflowRequest;
import saga.v1.WorkflowsMessages.UpdateWorkflowRequest;
import saga.v1.WorkflowsMessages.WorkflowFilter;
import saga.v1.WorkflowsMessages.WorkflowInfo;

/** Sagas as callers see them: start, steer, wait, read, and decide about undos that failed for good. */
public final class Workflows {
    private final SagaClient client;

    Workflows(SagaClient client) {
        this.client = client;
    }

    private Values values() {
        return client.values();
    }

    private static WorkflowRef ref(String workflowId, CallOptions options) {
        var made = WorkflowRef.newBuilder().setWorkflowId(workflowId);
        if (options.sagaId() != null) made.setSagaId(ByteString.copyFrom(options.sagaId()));
        return made.build();
    }

    private static UndoRef undo(String workflowId, long stepEventId, CallOptions options) {
        return UndoRef.newBuilder().setWorkflow(ref(workflowId, options)).setStepEventId(stepEventId).build();
    }

    private static List<NamedPayload> named(Map<String, Object> entries, Values values) {
        var made = new ArrayList<NamedPayload>();
        entries.forEach((name, value) -> made.add(NamedPayload.newBuilder().setName(name).setPayload(values.encode(value)).build()));
        return made;
    }

    private saga.v1.WorkflowsMessages.StartOptions options(String type, Object input, StartOptions start) {
        var made = saga.v1.WorkflowsMessages.StartOptions.newBuilder().setWorkflowId(start.workflowId()).setWorkflowType(type)
                .setWorkflowVersion(start.version()).setTaskQueue(start.taskQueue()).setInput(values().encode(input))
                .setContinueOnUndoError(start.continueOnUndoError()).setIdReusePolicy(start.idReuse())
                .addAllMemo(named(start.memo(), values())).addAllSearchAttributes(named(start.searchAttributes(), new Values(null, null)));
        if (start.executionTimeout() != null) made.setExecutionTimeoutUs(start.executionTimeout().toNanos() / 1_000);
        if (start.cancelGrace() != null) made.setCancelGraceUs(start.cancelGrace().toNanos() / 1_000);
        if (!start.autoCompensate()) made.setAutoCompensate(false);
        return made.build();
    }

    /** Starts a saga, or finds the open one of that workflow id. Durable when it returns. */
    public Run start(String type, Object input, StartOptions start, CallOptions options) {
        var request = StartWorkflowRequest.newBuilder().setOptions(options(type, input, start)).build();
        var answer = client.stubs.start(request, options);
        return new Run(start.workflowId(), answer.getSagaId().toByteArray(), answer.getAlreadyStarted());
    }

    /** {@link #start(String, Object, StartOptions, CallOptions)} with defaults. */
    public Run start(String type, Object input, StartOptions start) {
        return start(type, input, start, CallOptions.DEFAULT);
    }

    /** Signals a saga and starts it first if it is not open, in one step. `signalId` empty = one of its own. */
    public Run signalWithStart(
            String type, Object input, StartOptions start, String signal, Object value, String signalId, CallOptions options) {
        var request = SignalWithStartWorkflowRequest.newBuilder().setOptions(options(type, input, start)).setSignalName(signal)
                .setSignalInput(values().encode(value)).setSignalId(signalId).build();
        var answer = client.stubs.signalWithStart(request, options);
        return new Run(start.workflowId(), answer.getSagaId().toByteArray(), answer.getAlreadyStarted());
    }

    /** Sends a signal; durable when it returns. The same `signalId` twice is one signal; empty = one of its own. */
    public void signal(String workflowId, String name, Object value, String signalId, CallOptions options) {
        client.stubs.signal(SignalWorkflowRequest.newBuilder().setWorkflow(ref(workflowId, options)).setName(name)
                .setInput(values().encode(value)).setSignalId(signalId).build(), options);
    }

    /** Reads state through the saga's own handler. */
    public <T> T query(String workflowId, String name, Object value, Class<T> type, CallOptions options) {
        var request = QueryWorkflowRequest.newBuilder().setWorkflow(ref(workflowId, options)).setName(name)
                .setInput(values().encode(value)).build();
        return values().decode(client.stubs.query(request, options).getOutput(), type);
    }

    /** Asks the code to do something and waits for its answer. Throws ActivityFailure if it was refused or rolled back. */
    public <T> T update(String workflowId, String name, Object value, String updateId, Class<T> type, CallOptions options) {
        var request = UpdateWorkflowRequest.newBuilder().setWorkflow(ref(workflowId, options)).setName(name)
                .setInput(values().encode(value)).setUpdateId(updateId).build();
        var answer = client.stubs.update(request, options);
        if (answer.hasError()) throw ActivityFailure.of(answer.getError());
        return values().decode(answer.getOutput(), type);
    }

    /** Asks a saga to end: its code sees it, and its steps are undone. Returns when the request is durable. */
    public void cancel(String workflowId, String reason, CallOptions options) {
        client.stubs.cancel(CancelWorkflowRequest.newBuilder().setWorkflow(ref(workflowId, options)).setReason(reason).build(), options);
    }

    /** Stops a saga from outside; with `compensate` its steps are undone first. */
    public void terminate(String workflowId, boolean compensate, String reason, CallOptions options) {
        client.stubs.terminate(TerminateWorkflowRequest.newBuilder().setWorkflow(ref(workflowId, options)).setReason(reason)
                .setCompensate(compensate).build(), options);
    }

    /** Goes on from an earlier event in a new run. */
    public Run reset(String workflowId, long eventId, ResetUndo undo, String reason, CallOptions options) {
        var answer = client.stubs.reset(ResetWorkflowRequest.newBuilder().setWorkflow(ref(workflowId, options)).setEventId(eventId)
                .setUndo(undo).setReason(reason).build(), options);
        return new Run(workflowId, answer.getSagaId().toByteArray(), false);
    }

    /**
     * Waits for the end of a saga, for ever unless the options have a time-out, and gives what it returned. Throws
     * WorkflowEndedException if it ended otherwise.
     */
    public <T> T result(String workflowId, Class<T> type, CallOptions options) {
        long end = options.timeout() == null ? 0 : System.nanoTime() + options.timeout().toNanos();
        while (true) {
            long left = options.timeout() == null ? 60_000 : Math.max(1, Math.min(60_000, (end - System.nanoTime()) / 1_000_000));
            var request = GetWorkflowResultRequest.newBuilder().setWorkflow(ref(workflowId, options)).setFollowRuns(true).build();
            try {
                return outcome(workflowId, client.stubs.getResult(request, options.withTimeout(Duration.ofMillis(left))), type);
            } catch (StatusException passed) {
                boolean late = options.timeout() != null && System.nanoTime() >= end - 1_000_000;
                if (passed.code() != StatusCode.STATUS_CODE_DEADLINE_EXCEEDED || late) throw passed;
            } catch (ConnectionLostException lost) {
                if (client.isClosed() || (options.timeout() != null && System.nanoTime() >= end)) throw lost;
                SagaClient.sleep(200, "result");
            }
        }
    }

    /** {@link #result(String, Class, CallOptions)} of one run, for ever. */
    public <T> T result(Run run, Class<T> type) {
        return result(run.workflowId(), type, CallOptions.DEFAULT.withRun(run.sagaId()));
    }

    private <T> T outcome(String workflowId, GetWorkflowResultResponse answer, Class<T> type) {
        if (answer.getStatus() == WorkflowStatus.WORKFLOW_STATUS_COMPLETED) return values().decode(answer.getOutput(), type);
        var failure = answer.hasError() ? ActivityFailure.of(answer.getError()) : null;
        var why = failure == null ? answer.getReason() : failure.getMessage();
        throw new WorkflowEndedException(workflowId, answer.getStatus(), why, failure, answer.getCompensation());
    }

    /** Everything about a saga: status, what it waits for, pending steps, undo log. */
    public DescribeWorkflowResponse describe(String workflowId, CallOptions options) {
        return client.stubs.describe(DescribeWorkflowRequest.newBuilder().setWorkflow(ref(workflowId, options)).build(), options);
    }

    /** The state of a run after an event. */
    public DescribeWorkflowResponse stateAt(String workflowId, long eventId, CallOptions options) {
        var request = StateAtRequest.newBuilder().setWorkflow(ref(workflowId, options)).setEventId(eventId).build();
        return client.stubs.stateAt(request, options).getState();
    }

    /** Runs that match, newest start first, page by page. */
    public void list(WorkflowFilter filter, int pageSize, Consumer<WorkflowInfo> each, CallOptions options) {
        var token = ByteString.EMPTY;
        do {
            var request = ListWorkflowsRequest.newBuilder().setFilter(filter).setPageSize(pageSize).setPageToken(token).build();
            var page = client.stubs.list(request, options);
            page.getWorkflowsList().forEach(each);
            token = page.getNextPageToken();
        } while (!token.isEmpty());
    }

    /** How many runs match. */
    public long count(WorkflowFilter filter, CallOptions options) {
        return client.stubs.count(CountWorkflowsRequest.newBuilder().setFilter(filter).build(), options).getCount();
    }

    /** Events of a run from one on, oldest first. */
    public void history(String workflowId, long from, Consumer<HistoryEvent> each, CallOptions options) {
        boolean more = true;
        while (more) {
            var request = GetHistoryRequest.newBuilder().setWorkflow(ref(workflowId, options)).setFromEventId(from).build();
            var page = client.stubs.getHistory(request, options);
            page.getEventsList().forEach(each);
            options = options.withRun(page.getSagaId().toByteArray());
            from = page.getNextEventId();
            more = page.getMore();
        }
    }

    /**
     * Events of a run as they come, until it closes. A lost connection is made again, and the events go on where they were; the
     * time-out of the options is how long that is tried.
     */
    public void followHistory(String workflowId, long from, Consumer<HistoryEvent> each, CallOptions options) {
        var limit = options.timeout() == null ? SagaClient.DEFAULT_TIMEOUT : options.timeout();
        var backoff = new Backoff(100, 5_000);
        long failing = 0;
        while (true) {
            var request = FollowHistoryRequest.newBuilder().setWorkflow(ref(workflowId, options)).setFromEventId(from).build();
            try (var stream = client.stubs.followHistory(request, options)) {
                for (var item = stream.receive(); item != null; item = stream.receive()) {
                    backoff.reset();
                    failing = 0;
                    for (var event : item.getEventsList()) {
                        from = event.getEventId() + 1;
                        each.accept(event);
                    }
                }
                return;
            } catch (ConnectionLostException lost) {
                long now = System.nanoTime();
                if (failing == 0) failing = now;
                if (client.isClosed() || now - failing > limit.toNanos()) throw lost;
                SagaClient.sleep(backoff.take(), "followHistory");
            }
        }
    }

    /**
     * Everything of a run, in parts, for {@link #importHistory} of another server. A lost connection ends it: begin again.
     */
    public void exportHistory(String workflowId, Consumer<HistoryChunk> each, CallOptions options) {
        var request = ExportHistoryRequest.newBuilder().setWorkflow(ref(workflowId, options)).build();
        try (var stream = client.stubs.exportHistory(request, options)) {
            for (var chunk = stream.receive(); chunk != null; chunk = stream.receive()) each.accept(chunk);
        }
    }

    /**
     * Stores an exported run, or nothing of it. Durable when it returns. After a ConnectionLostException do it again: a run that
     * is there with the same events is a success. ALREADY_EXISTS means that it is there with other or fewer events.
     */
    public ImportHistoryResponse importHistory(Iterator<HistoryChunk> chunks, CallOptions options) {
        if (!chunks.hasNext()) throw new IllegalArgumentException("there is no chunk to import");
        // The first travels with the call itself.
        try (var stream = client.stubs.importHistory(part(chunks.next()), options)) {
            while (chunks.hasNext()) stream.send(part(chunks.next()));
            stream.end();
            var answer = stream.receive(options.timeout());
            if (answer == null) throw new ConnectionLostException("Workflows.ImportHistory: the server ended the call without an answer");
            return answer;
        }
    }

    private static ImportHistoryRequest part(HistoryChunk chunk) {
        return ImportHistoryRequest.newBuilder().setChunk(chunk).build();
    }

    /** Removes a closed run and its history. */
    public void delete(String workflowId, CallOptions options) {
        client.stubs.delete(DeleteWorkflowRequest.newBuilder().setWorkflow(ref(workflowId, options)).build(), options);
    }

    /** Stops handing out tasks of a run. */
    public void pause(String workflowId, String reason, CallOptions options) {
        client.stubs.pause(PauseWorkflowRequest.newBuilder().setWorkflow(ref(workflowId, options)).setReason(reason).build(), options);
    }

    /** Hands out tasks again. */
    public void resume(String workflowId, String reason, CallOptions options) {
        client.stubs.resume(ResumeWorkflowRequest.newBuilder().setWorkflow(ref(workflowId, options)).setReason(reason).build(), options);
    }

    // Undos that need a person. `stepEventId` is the event that scheduled the step.

    /** Runs that need a person, longest blocked first. */
    public void listBlocked(Consumer<BlockedWorkflow> each, CallOptions options) {
        var token = ByteString.EMPTY;
        do {
            var page = client.compensation.listBlocked(ListBlockedRequest.newBuilder().setPageToken(token).build(), options);
            page.getWorkflowsList().forEach(each);
            token = page.getNextPageToken();
        } while (!token.isEmpty());
    }

    /** Runs an undo once more. */
    public void retryUndo(String workflowId, long stepEventId, String reason, CallOptions options) {
        client.compensation.retry(
                RetryUndoRequest.newBuilder().setUndo(undo(workflowId, stepEventId, options)).setReason(reason).build(), options);
    }

    /** Runs an undo once more; the value comes to it as its data. */
    public void retryUndoWithInput(String workflowId, long stepEventId, Object value, String reason, CallOptions options) {
        client.compensation.retryWithInput(RetryUndoWithInputRequest.newBuilder().setUndo(undo(workflowId, stepEventId, options))
                .setInput(values().encode(value)).setReason(reason).build(), options);
    }

    /** Leaves an undo out. */
    public void skipUndo(String workflowId, long stepEventId, String reason, CallOptions options) {
        client.compensation.skip(
                SkipUndoRequest.newBuilder().setUndo(undo(workflowId, stepEventId, options)).setReason(reason).build(), options);
    }

    /** Marks an undo as done by hand. */
    public void resolveUndo(String workflowId, long stepEventId, String note, CallOptions options) {
        client.compensation.resolve(
                ResolveUndoRequest.newBuilder().setUndo(undo(workflowId, stepEventId, options)).setNote(note).build(), options);
    }

    /** Gives the whole unwinding of a run up. */
    public void giveUp(String workflowId, String reason, CallOptions options) {
        client.compensation.giveUp(GiveUpRequest.newBuilder().setWorkflow(ref(workflowId, options)).setReason(reason).build(), options);
    }

    /** Effects that were reported after their step's undo; null = of all sagas. */
    public void lateEffects(String workflowId, Consumer<LateEffect> each, CallOptions options) {
        var token = ByteString.EMPTY;
        do {
            var request = ListLateEffectsRequest.newBuilder().setPageToken(token);
            if (workflowId != null) request.setWorkflow(ref(workflowId, options));
            var page = client.compensation.listLateEffects(request.build(), options);
            page.getLateEffectsList().forEach(each);
            token = page.getNextPageToken();
        } while (!token.isEmpty());
    }

    /** Stores a definition; its version. A changed one becomes the next version, the same again changes nothing. */
    public int register(SagaDefinition definition, CallOptions options) {
        var request = RegisterDefinitionRequest.newBuilder().setDefinition(definition.message()).build();
        return client.definitions.register(request, options).getVersion();
    }

    /** Everything that is wrong with a definition; nothing is stored. */
    public List<DefinitionProblem> validate(SagaDefinition definition, CallOptions options) {
        var request = ValidateDefinitionRequest.newBuilder().setDefinition(definition.message()).build();
        return client.definitions.validate(request, options).getProblemsList();
    }

    /** Whether the server is alive; `echo` comes back. At most 65,536 bytes. */
    public HealthResponse health(byte[] echo, CallOptions options) {
        return client.admin.health(HealthRequest.newBuilder().setEcho(ByteString.copyFrom(echo)).build(), options);
    }

}
