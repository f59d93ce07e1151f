package engine.saga;

import saga.v1.CommonMessages.Payload;

/**
 * What an undo activity receives. It may be called for a step that never happened (`outcome` is `unknown`): it must accept
 * "nothing there".
 *
 * @param input what the step received
 * @param output what the step returned; null unless `outcome` is `completed`
 * @param outcome `completed`, `no_effect` or `unknown`
 * @param idempotencyKey of the step (the undo's own is in its context)
 * @param data what the step's activity prepared, or what an operator gave instead; decode it by {@link Values#decode}
 */
public record Undo<I, O>(I input, O output, String outcome, String idempotencyKey, Payload data) {}
