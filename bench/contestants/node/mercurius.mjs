// Mercurius with its JIT, the dataloader package, and prepared statements on pg: node mercurius.mjs PORT URL ORGANIZATION PERSON
import DataLoader from "dataloader";
import Fastify from "fastify";
import mercurius from "mercurius";
import pg from "pg";

const [port, connectionString, organization, person] = process.argv.slice(2);
// An instant as PostgreSQL writes it in UTC, without a Date in between: 2026-01-01 10:00:00+00.
pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => `${text.slice(0, 10)}T${text.slice(11, -3)}Z`);
const pool = new pg.Pool({ connectionString, min: 10, max: 10, options: "-c timezone=UTC" });

const schema = `
  scalar DateTime
  enum TaskStatus { PENDING SCHEDULED COMPLETED CANCELLED }
  enum TaskPriority { LOW MEDIUM HIGH }
  type User { id: ID! displayName: String! }
  type Lead { id: ID! displayName: String! company: String }
  type Contact { id: ID! displayName: String! company: String }
  type Account { id: ID! displayName: String! contact: Contact }
  type Task {
    id: ID! subject: String! status: TaskStatus! priority: TaskPriority!
    dueAt: DateTime completedAt: DateTime occursAt: DateTime!
    lead: Lead contact: Contact account: Account assignee: User
  }
  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type TimelineEdge { node: Task! }
  type TimelineConnection { edges: [TimelineEdge!]! pageInfo: PageInfo! }
  type UserError { code: String! message: String! }
  type TaskPayload { task: Task errors: [UserError!]! }
  input RecordRef { accountId: ID! }
  input CreateTaskInput { subject: String! contactId: ID! dueAt: DateTime! idempotencyKey: String }
  type Query { task(id: ID!): Task timeline(record: RecordRef!, first: Int = 50): TimelineConnection }
  type Mutation { createTask(input: CreateTaskInput!): TaskPayload! }
`;

const TASK = `id, coalesce(subject, '') AS subject, upper(status) AS status, upper(priority) AS priority,
  scheduled_at AS "dueAt", completed_at AS "completedAt", occurs_at AS "occursAt", lead_id, contact_id, account_id, user_id`;
const PERSON = `id, first_name || ' ' || last_name AS "displayName"`;

const rows = async (name, text, values) => (await pool.query({ name, text, values: [organization, ...values] })).rows;

const loader = (table, columns, more = "") =>
  new DataLoader(async (ids) => {
    const sql = `SELECT ${columns} FROM ${table} WHERE organization_id = $1 AND id = ANY ($2) ${more}`;
    const found = new Map((await rows(table, sql, [ids])).map((row) => [row.id, row]));
    return ids.map((id) => found.get(id) ?? null);
  });

const linked = (column, name) => (of, _, { loaders }) => (of[column] ? loaders[name].load(of[column]) : null);

const resolvers = {
  Query: {
    async task(_, { id }) {
      const sql = `SELECT ${TASK} FROM lead_interactions
        WHERE organization_id = $1 AND id = $2 AND interaction_type = 'task' AND deleted_at IS NULL`;
      return (await rows("task", sql, [id]))[0];
    },
    async timeline(_, { record, first }) {
      const sql = `SELECT ${TASK} FROM lead_interactions
        WHERE organization_id = $1 AND account_id = $2 AND deleted_at IS NULL
        ORDER BY occurs_at DESC, id DESC LIMIT $3`;
      const found = await rows("timeline", sql, [record.accountId, first + 1]);
      const shown = found.slice(0, first);
      const last = shown.at(-1);
      const endCursor = last ? Buffer.from(`${last.occursAt} ${last.id}`).toString("base64url") : null;
      return { edges: shown.map((node) => ({ node })), pageInfo: { hasNextPage: found.length > first, endCursor } };
    },
  },
  Mutation: {
    async createTask(_, { input }, { loaders }) {
      if (!(await loaders.contacts.load(input.contactId)))
        return { task: null, errors: [{ code: "RECORD_NOT_FOUND", message: "There is no such contact." }] };
      const sql = `INSERT INTO lead_interactions (organization_id, interaction_type, subject, status, priority, scheduled_at,
                                                  contact_id, user_id, created_by)
        VALUES ($1, 'task', $2, CASE WHEN $3::timestamptz > now() THEN 'scheduled' ELSE 'pending' END, 'medium', $3, $4, $5, $5)
        RETURNING ${TASK}`;
      const [task] = await rows("create", sql, [input.subject, input.dueAt, input.contactId, person]);
      return { task, errors: [] };
    },
  },
  Task: {
    lead: linked("lead_id", "leads"),
    contact: linked("contact_id", "contacts"),
    account: linked("account_id", "accounts"),
    assignee: linked("user_id", "users"),
  },
  Account: { contact: linked("contact_id", "contacts") },
};

const context = () => ({
  loaders: {
    users: loader("users", PERSON),
    leads: loader("leads", `${PERSON}, company`),
    contacts: loader("contacts", `${PERSON}, company`),
    accounts: loader("accounts", `id, account_name AS "displayName", contact_id`, "AND deleted_at IS NULL"),
  },
});

const app = Fastify({ logger: false });
app.register(mercurius, { schema, resolvers, context, jit: 1, graphiql: false });
await app.listen({ port: Number(port), host: "127.0.0.1" });
