/**
 * What the kernel and the page tell each other: types of composing, listing, protocol and state; the version.
 *
 * @typedef {{ id: string, kind: "image" | "file" | "conversation", name: string, size: number,
 *   thumbnail: string }} AttachedFile
 * @typedef {{ op: "attached", files: AttachedFile[], done: string }} AttachedOp
 * @typedef {"variable" | "cell" | "file" | "folder" | "conversation" | "command" | "model"
 *   | "template"} SuggestionKind
 * @typedef {{ kind: SuggestionKind, name: string, detail: string, text: string }} Suggestion
 * @typedef {{ op: "suggest", view: string, typed: string, suggestions: Suggestion[] }} SuggestOp
 * @typedef {{ action: "attach", id: string, name: string, offset: number, data: string, last: boolean }} AttachAction
 * @typedef {{ action: "detach", id: string }} DetachAction
 * @typedef {{ action: "refer", id: string, kind: "file" | "conversation", name: string }} ReferAction
 * @typedef {{ action: "complete", view: string, typed: string }} CompleteAction
 * @typedef {{ id: number, name: string, turns: number, pinned: boolean, used: string,
 *   excerpt: string }} FoundConversation
 * @typedef {{ op: "found", view: string, words: string, conversations: FoundConversation[], more: number }} FoundOp
 * @typedef {{ action: "find", view: string, words: string }} FindAction
 * @typedef {{ action: "rename", conversation: number, name: string }} RenameAction
 * @typedef {{ action: "pin", conversation: number, pinned: boolean }} PinAction
 * @typedef {{ action: "remove", conversation: number }} RemoveAction
 * @typedef {{ thinking: string, thought: string, blocks: string[] }} Body
 * @typedef {{ kind: "text" | "image" | "file" | "call" | "result" | "failure", name: string, mime: string,
 *   size: number, text: string, thumbnail?: string }} PagePart
 * @typedef {{ key: string, prompt: string, parts: PagePart[], sent: string, from_cell: boolean, system: string,
 *   steps: PagePart[], facts: string[], status: string, state: "streaming" | "done", ending: string,
 *   version: number[], can: string[], body?: Body, text?: string }} PageTurn
 * @typedef {{ order: number, turn: PageTurn }} SavedTurn
 * @typedef {{ op: "reset", view: string, version: number, turns: PageTurn[] }} ResetOp
 * @typedef {{ op: "turn", turn: PageTurn, before: string }} TurnOp
 * @typedef {{ op: "drop", key: string }} DropOp
 * @typedef {{ keep: number, add: string, thought: string }} ThinkingGrowth
 * @typedef {{ op: "delta", key: string, blocks: string[], keep: number, add: string, restart?: boolean,
 *   thinking?: ThinkingGrowth, status?: string, steps?: PagePart[] }} DeltaOp
 * @typedef {"conversation" | "system" | "target" | "model" | "temperature" | "max_tokens" | "thinking"} Setting
 * @typedef {{ op: "say", text: string, kind: "info" | "error" | "version" | "code", view?: string,
 *   setting?: Setting, unsent?: string }} SayOp
 * @typedef {{ op: "focus", view: string }} FocusOp
 * @typedef {{ op: "file", view: string, name: string, text: string }} FileOp
 * @typedef {ResetOp | TurnOp | DropOp | DeltaOp | SayOp | FocusOp | FileOp | FoundOp | AttachedOp
 *   | SuggestOp} Op
 * @typedef {{ action: "ready", view: string, version: number }} ReadyAction
 * @typedef {{ action: "send", text: string }} SendAction
 * @typedef {{ action: "edit", key: string, text: string }} EditAction
 * @typedef {{ action: "continue" | "regenerate" | "delete", key: string }} TurnAction
 * @typedef {{ action: "version", key: string, step: number }} VersionAction
 * @typedef {{ action: "stop" | "hurry" | "new" | "clear" | "look" | "models" }} PanelAction
 * @typedef {{ action: "unqueue", index: number }} UnqueueAction
 * @typedef {{ action: "set", name: Setting, value: string | number | null }} SetAction
 * @typedef {{ action: "export", view: string }} ExportAction
 * @typedef {{ action: "code", text: string, language: string }} CodeAction
 * @typedef {ReadyAction | SendAction | EditAction | TurnAction | VersionAction | PanelAction | UnqueueAction
 *   | SetAction | ExportAction | FindAction | RenameAction | PinAction | RemoveAction | CodeAction
 *   | AttachAction | DetachAction | ReferAction | CompleteAction} Action
 * @typedef {{ id: number, name: string, turns: number, pinned: boolean }} ConversationChoice
 * @typedef {{ id: number | null, name: string }} CurrentConversation
 * @typedef {{ target: string, default_target: string, targets: string[], model: string, models: string[],
 *   temperature: number | null, max_tokens: number | null, thinking: "" | "on" | "off" }} PromptSettings
 * @typedef {PromptSettings & { system: string, conversation: CurrentConversation,
 *   conversations: ConversationChoice[], stays: boolean, earlier: ConversationChoice | null,
 *   surroundings: "notebook" | "python" | "app" }} PanelSettings
 * @typedef {{ streaming: boolean, queue: string[], stop: "now" | "later" }} Activity
 * @typedef {{ saved: number, settings: PanelSettings, activity: Activity, height: number,
 *   draft: string }} PanelState
 */

export const VERSION = 1;
