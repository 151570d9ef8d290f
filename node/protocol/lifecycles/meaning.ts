// The lifecycles of meaning: domains, canonical attributes and query attributes, moved by governance alone.
import { move, type Lifecycle } from "./table.ts";

/** States of a domain (DOMN-02). */
export type DomainState = "proposed" | "registered" | "active" | "deprecated" | "retired";

export const domainLifecycle: Lifecycle<DomainState> = {
  name: "domain",
  states: {
    proposed: "Put forward; takes part in nothing.",
    registered: "Recorded in the namespace, not in use yet.",
    active: "Takes part in resolution.",
    deprecated: "Takes part in new resolution only where its compatibility policy allows.",
    retired: "Takes part in no new resolution; older versions still resolve as they did.",
  },
  initial: "proposed",
  transitions: [
    move("proposed", "registered", "governance", "the proposal was taken up"),
    move("proposed", "retired", "governance", "the proposal was turned down"),
    move("registered", "active", "governance", "in use from this version on"),
    move("registered", "retired", "governance", "never came into use"),
    move("active", "deprecated", "governance", "no longer for new authoring"),
    move("deprecated", "active", "governance", "back in use"),
    move("deprecated", "retired", "governance", "out of use from this version on"),
  ],
};

/** States of a canonical attribute (ATTR-02). */
export type AttributeState = DomainState | "superseded";

export const attributeLifecycle: Lifecycle<AttributeState> = {
  name: "canonical attribute",
  states: {
    proposed: "Recognized by governance, not usable.",
    registered: "Recorded in its domain, not in use yet.",
    active: "Resolves.",
    deprecated: "Still resolves, not preferred for new authoring.",
    retired: "Never picked for a new task.",
    superseded: "Resolves only through its explicit successor.",
  },
  initial: "proposed",
  transitions: [
    move("proposed", "registered", "governance", "the proposal was taken up"),
    move("proposed", "retired", "governance", "the proposal was turned down"),
    move("registered", "active", "governance", "in use from this version on"),
    move("registered", "retired", "governance", "never came into use"),
    move("active", "deprecated", "governance", "no longer for new authoring"),
    move("deprecated", "active", "governance", "back in use"),
    move("active", "superseded", "governance", "another attribute stands for it"),
    move("deprecated", "superseded", "governance", "another attribute stands for it"),
    move("deprecated", "retired", "governance", "out of use from this version on"),
    move("superseded", "retired", "governance", "its successor alone remains"),
  ],
};

/** States of a query attribute (ATTR-06). */
export type QueryAttributeState = DomainState | "restricted";

export const queryAttributeLifecycle: Lifecycle<QueryAttributeState> = {
  name: "query attribute",
  states: {
    proposed: "Recognized for review, not usable.",
    registered: "Defined in its domain, not in use yet.",
    active: "May be projected and queried.",
    restricted: "Usable only by the actors and in the scopes it names.",
    deprecated: "Still usable, not preferred for new queries.",
    retired: "No projection, no query.",
  },
  initial: "proposed",
  transitions: [
    move("proposed", "registered", "governance", "the proposal was taken up"),
    move("proposed", "retired", "governance", "the proposal was turned down"),
    move("registered", "active", "governance", "in use from this version on"),
    move("registered", "restricted", "governance", "in use for the named actors and scopes only"),
    move("registered", "retired", "governance", "never came into use"),
    move("active", "restricted", "governance", "narrowed to the named actors and scopes"),
    move("restricted", "active", "governance", "opened again"),
    move("active", "deprecated", "governance", "no longer for new queries"),
    move("restricted", "deprecated", "governance", "no longer for new queries"),
    move("deprecated", "active", "governance", "back in use"),
    move("deprecated", "retired", "governance", "out of use from this version on"),
  ],
};
