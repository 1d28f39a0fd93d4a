import type { FormEvent } from 'react';
import { gql, useMutation, useSubscription } from 'urql';

interface Todo {
  id: string;
  text: string;
  done: boolean;
}

// Permissions decide whose rows these are: hasura/metadata/…/public_todos.yaml.
const live = gql<{ todos: Todo[] }>`subscription { todos(order_by: {created_at: asc}) { id text done } }`;
const add = gql`mutation ($text: String!) { insert_todos_one(object: {text: $text}) { id } }`;
const mark = gql`mutation ($id: uuid!, $done: Boolean!) { update_todos_by_pk(pk_columns: {id: $id}, _set: {done: $done}) { id } }`;
const remove = gql`mutation ($id: uuid!) { delete_todos_by_pk(id: $id) { id } }`;

export const Todos = () => {
  const [{ data, error }] = useSubscription({ query: live });
  const [added, addTodo] = useMutation(add);
  const [, markTodo] = useMutation(mark);
  const [, removeTodo] = useMutation(remove);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const { error } = await addTodo({ text: String(new FormData(form).get('text')) });
    if (!error) form.reset();
  };

  return (
    <>
      <form className="add" onSubmit={submit}>
        <input name="text" aria-label="What needs to be done" maxLength={200} required />
        <button>Add</button>
      </form>
      {(error ?? added.error) && <p role="alert">{(error ?? added.error)!.message}</p>}
      <ul>
        {data?.todos.map(({ id, text, done }) => (
          <li key={id}>
            <label>
              <input type="checkbox" checked={done} onChange={() => void markTodo({ id, done: !done })} />
              {text}
            </label>
            <button className="link" aria-label={`Remove ${text}`} onClick={() => void removeTodo({ id })}>
              Remove
            </button>
          </li>
        ))}
      </ul>
    </>
  );
};
