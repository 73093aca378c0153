/**
 * The pre-receive hook. The forge reads the commands of a push before Git does and decides all it can decide from them; the
 * hook prints that, and adds the one question that needs the pushed objects: is the update a fast-forward?
 */

/** Environment of the hook. */
export interface HookRules {
  /** Ref -> why it is refused. */
  refused: readonly { ref: string; why: readonly string[] }[];
  /** Refs that may only move forward. */
  forwardOnly: readonly string[];
  /** Where the rules can be read. */
  rulesUrl: string;
}

export function hookEnvironment(rules: HookRules): Record<string, string> {
  return {
    FORGE_REFUSED: rules.refused.flatMap(({ ref, why }) => why.map((reason) => `${ref} ${reason}`)).join('\n'),
    FORGE_FORWARD_ONLY: rules.forwardOnly.join('\n'),
    FORGE_RULES_URL: rules.rulesUrl,
  };
}

// A ref holds no blank, so the first word of a line is the ref and the rest the reason.
export const PRE_RECEIVE = `#!/bin/sh
[ -n "$FORGE_REFUSED$FORGE_FORWARD_ONLY" ] || exit 0
status=0
while read -r old new ref; do
  reasons=$(printf '%s\\n' "$FORGE_REFUSED" | while read -r name reason; do
    [ "$name" != "$ref" ] || printf -- '- %s\\n' "$reason"
  done)
  case "$old" in *[!0]*) case "$new" in *[!0]*)
    if printf '%s\\n' "$FORGE_FORWARD_ONLY" | grep -qxF -- "$ref" && ! git merge-base --is-ancestor "$old" "$new"; then
      reasons="$reasons\${reasons:+
}- Cannot force-push to this branch"
    fi ;; esac ;; esac
  if [ -n "$reasons" ]; then
    printf 'error: GH013: Repository rule violations found for %s.\\nReview all repository rules at %s\\n\\n%s\\n\\n' \\
      "$ref" "$FORGE_RULES_URL" "$reasons" >&2
    status=1
  fi
done
exit $status
`;
