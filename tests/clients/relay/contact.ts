// What Relay asks of a schema, in one page of React: a fragment that pages, and one that pages a timeline.
import { graphql } from "relay-runtime";

export const contactQuery = graphql`
  query contactQuery($id: ID!) {
    contact(id: $id) {
      displayName
      ...contactTasks
      ...contactTimeline
    }
  }
`;

export const contactTasks = graphql`
  fragment contactTasks on Contact
  @refetchable(queryName: "contactTasksPage")
  @argumentDefinitions(count: { type: "Int", defaultValue: 20 }, cursor: { type: "String" }) {
    tasks(first: $count, after: $cursor) @connection(key: "contact_tasks") {
      totalCount
      edges {
        node {
          id
          subject
          status
          links {
            kind
            recordId
            label
          }
        }
      }
    }
  }
`;

export const contactTimeline = graphql`
  fragment contactTimeline on CrmRecord
  @refetchable(queryName: "contactTimelinePage")
  @argumentDefinitions(
    first: { type: "Int" }
    after: { type: "String" }
    last: { type: "Int" }
    before: { type: "String" }
    at: { type: "DateTime" }
  ) {
    timeline(first: $first, after: $after, last: $last, before: $before, at: $at, includeRelated: true)
      @connection(key: "contact_timeline", filters: ["includeRelated"]) {
      edges {
        node {
          __typename
          subject
          ... on Task {
            bucket
          }
        }
        via {
          isDirect
        }
      }
    }
  }
`;

export const createTask = graphql`
  mutation contactCreateTaskMutation($input: CreateTaskInput!, $connections: [ID!]!) {
    createTask(input: $input) {
      task @prependNode(connections: $connections, edgeTypeName: "TaskEdge") {
        id
        subject
        contact {
          id
        }
      }
      errors {
        ... on UserError {
          code
          message
        }
      }
    }
  }
`;
